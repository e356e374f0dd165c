import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { formatImageReference, parseImageReference } from '../reference.ts';
import { fuzzRuns } from '../testing/fuzz.ts';
import { imageEndpoints, parseQualifiedReference } from './endpoints.ts';
import { readRegistriesConf } from './read.ts';
import { parseRegistriesConf } from './registries-conf.ts';

const conf = parseRegistriesConf(
  `
unqualified-search-registries = ["docker.io"]
short-name-mode = "enforcing"

[[registry]]
location = "quay.io"
insecure = true
[[registry.mirror]]
location = "mirror.example:5000/quay"
[[registry.mirror]]
location = "tags.example"
pull-from-mirror = "tag-only"
insecure = true

[[registry]]
prefix = "quay.io/secret"
location = "vault.example/team/secret"

[[registry]]
prefix = "quay.io/evil"
blocked = true

[[registry]]
prefix = "*.internal.example"
location = "hub.example"

[[registry]]
location = "strict.example"
mirror-by-digest-only = true
[[registry.mirror]]
location = "copy.example"

[aliases]
"os" = "quay.io/varve/os"
`,
  'registries.conf',
);
const digest = digestOf(Buffer.from('x'));

describe('imageEndpoints', () => {
  test.each([
    ['elsewhere.example/a/b:v1', ['elsewhere.example/a/b:v1']],
    ['quay.io/a/b:v1', ['mirror.example:5000/quay/a/b:v1', 'tags.example/a/b:v1 insecure', 'quay.io/a/b:v1 insecure']],
    [`quay.io/a/b@${digest}`, [`mirror.example:5000/quay/a/b@${digest}`, `quay.io/a/b@${digest} insecure`]],
    ['quay.io/secret:v1', ['vault.example/team/secret:v1']],
    ['quay.io/secret/x:v1', ['vault.example/team/secret/x:v1']],
    [
      'quay.io/secrets/x:v1',
      ['mirror.example:5000/quay/secrets/x:v1', 'tags.example/secrets/x:v1 insecure', 'quay.io/secrets/x:v1 insecure'],
    ],
    ['a.b.internal.example/os:v1', ['hub.example/os:v1']],
    ['internal.example/os:v1', ['internal.example/os:v1']],
    ['strict.example/os:v1', ['strict.example/os:v1']],
    [`strict.example/os@${digest}`, [`copy.example/os@${digest}`, `strict.example/os@${digest}`]],
  ])('%s', (text, expected) => {
    const endpoints = imageEndpoints(conf, parseImageReference(text));
    expect(
      endpoints.map(({ reference, insecure }) => `${formatImageReference(reference)}${insecure ? ' insecure' : ''}`),
    ).toEqual(expected);
    expect(endpoints.map(({ isMirror }) => isMirror)).toEqual(expected.map((_, index) => index < expected.length - 1));
  });

  test('a blocked one gives none', () => {
    expect(() => imageEndpoints(conf, parseImageReference('quay.io/evil/os'))).toThrow(
      expect.objectContaining({ code: 'REGISTRY_BLOCKED', message: expect.stringContaining('quay.io/evil') }),
    );
  });
});

describe('parseQualifiedReference', () => {
  test.each([
    ['quay.io/a/b:v1', 'quay.io/a/b:v1'],
    ['docker.io/debian', 'docker.io/library/debian:latest'],
    ['os', 'quay.io/varve/os:latest'],
    ['os:v1', 'quay.io/varve/os:v1'],
    [`os@${digest}`, `quay.io/varve/os@${digest}`],
  ])('%s is %s', (text, expected) => {
    expect(formatImageReference(parseQualifiedReference(conf, text))).toBe(expected);
  });

  test.each(['debian', 'team/debian:v1', ''])('%s is refused: nothing is searched for', (text) => {
    expect(() => parseQualifiedReference(conf, text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }));
  });
});

describe('parseRegistriesConf refuses', () => {
  test.each([
    ['what is not TOML', '[[registry'],
    ['version 1', '[registries.search]\nregistries = ["docker.io"]'],
    ['a rule for nothing', '[[registry]]\nblocked = true'],
    ['an address', '[[registry]]\nlocation = "https://quay.io"'],
    ['a location that leads elsewhere', '[[registry]]\nlocation = "quay.io/../x"'],
    ['a pattern in the middle', '[[registry]]\nprefix = "quay.*.io"'],
    ['a text for a boolean', '[[registry]]\nlocation = "quay.io"\nblocked = "false"'],
    [
      'another kind of mirror',
      '[[registry]]\nlocation = "quay.io"\n[[registry.mirror]]\nlocation = "a.example"\npull-from-mirror = "never"',
    ],
  ])('%s', (_what, text) => {
    expect(() => parseRegistriesConf(text, '/etc/x.conf')).toThrow(
      expect.objectContaining({ code: 'REGISTRIES_CONF_INVALID', message: expect.stringContaining('/etc/x.conf') }),
    );
  });

  test('or takes any damage', () => {
    const good =
      '[[registry]]\nprefix = "quay.io"\nlocation = "a.example/b"\n[[registry.mirror]]\nlocation = "c.example"\n';
    const piece = fc.constantFrom('"', '[', ']', '=', '\n', 'x', '#', '\\u0000', '{}', 'true');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length), fc.nat(3), piece), { maxLength: 4 }), (changes) => {
        let text = good;
        for (const [at, removed, added] of changes) text = text.slice(0, at) + added + text.slice(at + removed);
        try {
          imageEndpoints(parseRegistriesConf(text, 'x'), parseImageReference('quay.io/os:v1'));
        } catch (error) {
          expect(error).toMatchObject({ name: 'OciError' });
        }
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});

describe('readRegistriesConf', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'varve-registries-'));
    for (const path of ['system/registries.conf.d', 'home/.config/containers'])
      await mkdir(join(directory, path), { recursive: true });
    await writeFile(
      join(directory, 'system/registries.conf'),
      '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\nlocation = "one.example"\n',
    );
    await writeFile(
      join(directory, 'system/registries.conf.d/10-a.conf'),
      '[[registry]]\nlocation = "a.example"\nblocked = true\n',
    );
    await writeFile(
      join(directory, 'system/registries.conf.d/20-b.conf'),
      '[[registry]]\nlocation = "b.example"\n[aliases]\nos = "b.example/os"\n',
    );
    await writeFile(join(directory, 'system/registries.conf.d/readme'), 'not for us');
    await writeFile(join(directory, 'explicit.conf'), '[[registry]]\nlocation = "c.example"\n');
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  const read = async (environment: Record<string, string>): Promise<string[]> => {
    const { rules } = await readRegistriesConf({ environment, systemDirectory: join(directory, 'system') });
    return rules.map(({ prefix, blocked }) => `${prefix}${blocked ? ' blocked' : ''}`);
  };

  test('joins the files, the later ones win', async () => {
    expect(await read({})).toEqual(['a.example blocked', 'b.example']);
    await writeFile(
      join(directory, 'home/.config/containers/registries.conf'),
      '[[registry]]\nlocation = "d.example"\n',
    );
    expect(await read({ HOME: join(directory, 'home') })).toEqual(['d.example', 'a.example blocked', 'b.example']);
    expect(await read({ HOME: '/nowhere' })).toEqual(['a.example blocked', 'b.example']);
  });

  test('reads only the file that is named', async () => {
    expect(await read({ CONTAINERS_REGISTRIES_CONF: join(directory, 'explicit.conf') })).toEqual(['c.example']);
    await expect(read({ CONTAINERS_REGISTRIES_CONF: join(directory, 'none') })).rejects.toMatchObject({
      code: 'REGISTRIES_CONF_INVALID',
    });
    await expect(read({ CONTAINERS_REGISTRIES_CONF: directory })).rejects.toMatchObject({
      code: 'REGISTRIES_CONF_INVALID',
    });
  });
});
