import { describe, expect, test } from 'vitest';
import { formatSources, parseDeb822Sources, parseSourcesList, sourcesOfSuite } from './sources.ts';

const deb822 = `# a comment
Types: deb deb-src
URIs: http://deb.example/debian
# a comment inside
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Check-Valid-Until: no

Types: deb
URIs: http://third.example/
Suites: stable
Components: main

Enabled: no
Types: deb
URIs: http://off.example/
Suites: bookworm
`;

describe('parseDeb822Sources', () => {
  test('reads stanzas, and leaves disabled and source-only ones out', () => {
    const sources = parseDeb822Sources(`${deb822}\nTypes: deb-src\nURIs: http://s.example/\nSuites: bookworm\n`);
    expect(sources.map((source) => source.uris)).toEqual([['http://deb.example/debian'], ['http://third.example/']]);
    expect(sources[0]?.suites).toEqual(['bookworm', 'bookworm-updates']);
    expect(sources[0]?.signedBy).toBe('/usr/share/keyrings/debian-archive-keyring.gpg');
    expect(sources[0]?.options).toEqual(new Map([['Check-Valid-Until', 'no']]));
  });

  test('keeps a key that stands in the file', () => {
    const key = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINB\n -----END PGP PUBLIC KEY BLOCK-----';
    const text = `Types: deb\nURIs: https://a.example/\nSuites: x\nComponents: main\nSigned-By:\n ${key}\n`;
    const [source] = parseDeb822Sources(text);
    expect(source?.signedBy).toContain('mQINB');
    expect(parseDeb822Sources(formatSources(parseDeb822Sources(text)))).toEqual(parseDeb822Sources(text));
  });
});

test('parseSourcesList reads one-line entries with options', () => {
  const text = `
# deb http://no.example bookworm main
deb [arch=amd64 signed-by=/k.gpg check-valid-until=no] http://deb.example/debian bookworm main contrib # why
deb-src http://deb.example/debian bookworm main
`;
  const [source, ...rest] = parseSourcesList(text);
  expect(rest).toEqual([]);
  expect(source).toEqual({
    uris: ['http://deb.example/debian'],
    suites: ['bookworm'],
    components: ['main', 'contrib'],
    signedBy: '/k.gpg',
    options: new Map([
      ['Architectures', 'amd64'],
      ['Check-Valid-Until', 'no'],
    ]),
  });
});

describe('sourcesOfSuite', () => {
  const sources = parseDeb822Sources(deb822);

  test('keeps the release and its pockets, not other archives', () => {
    expect(sourcesOfSuite(sources, 'bookworm', 'bookworm').map((source) => source.suites)).toEqual([
      ['bookworm', 'bookworm-updates'],
    ]);
  });

  test('renames the release where another one is asked for', () => {
    expect(sourcesOfSuite(sources, 'bookworm', 'trixie')[0]?.suites).toEqual(['trixie', 'trixie-updates']);
  });

  test('leaves out what no other machine can reach', () => {
    const local = parseSourcesList('deb file:/srv/mirror bookworm main\ndeb cdrom:[x]/ bookworm main\n');
    expect(sourcesOfSuite(local, 'bookworm', 'bookworm')).toEqual([]);
  });
});
