import { expect, test } from 'vitest';
import { LayerFiles, maxFiles, type RepositoryFiles, repositoryPath } from './layer-files.ts';

const inRepository = (path: string) => `${repositoryPath}/${path}`;
const lower: RepositoryFiles = new Map([
  ['a.rpm', 1],
  ['b.rpm', 2],
  ['repodata/repomd.xml', 3],
  ['repodata/primary.xml', 4],
]);

/** Entries as a layer has them; whiteouts are ordinary names to an archive. */
function merged(...paths: string[]): string[] {
  const layer = new LayerFiles(lower);
  for (const [index, path] of paths.entries()) {
    const at = layer.locate(path);
    if (at !== undefined) layer.add(at, 10 + index);
  }
  return [...layer.merge()].map(([path, content]) => `${path}=${content}`).sort();
}

const all = ['a.rpm=1', 'b.rpm=2', 'repodata/primary.xml=4', 'repodata/repomd.xml=3'];

test.each<[string, string[], string[]]>([
  ['nothing of the repository', ['etc/passwd', 'usr/bin/a', 'usr/share/rpm-ostree/extensions.json'], all],
  ['a new file', [`./${inRepository('c.rpm')}`], [...all, 'c.rpm=10'].sort()],
  ['a file of a name that is there', [inRepository('a.rpm')], ['a.rpm=10', ...all.slice(1)]],
  ['a whiteout', [inRepository('.wh.a.rpm')], all.slice(1)],
  ['a whiteout of a directory', [inRepository('.wh.repodata')], all.slice(0, 2)],
  ['a whiteout above', ['usr/share/.wh.rpm-ostree'], []],
  ['a whiteout elsewhere', ['usr/share/.wh.rpm', 'usr/share/rpm-ostree/.wh.ext', inRepository('.wh.a')], all],
  ['an opaque directory above', ['usr/share/.wh..wh..opq'], []],
  ['an opaque directory elsewhere', ['usr/lib/.wh..wh..opq'], all],
  ['an opaque directory', [inRepository('repodata/.wh..wh..opq')], all.slice(0, 2)],
  ['an opaque root', ['.wh..wh..opq'], []],
  ['a whiteout after the same name', [inRepository('a.rpm'), inRepository('.wh.a.rpm')], ['a.rpm=10', ...all.slice(1)]],
  ['a file in place of a directory', [inRepository('repodata')], [...all.slice(0, 2), 'repodata=10']],
])('a layer with %s', (_name, paths, expected) => {
  expect(merged(...paths)).toEqual(expected);
});

test('a path that leads out is refused', () => {
  expect(() => new LayerFiles(lower).locate(inRepository('../../../../etc/passwd'))).toThrow(
    expect.objectContaining({ code: 'LAYER_NOT_IMPORTABLE' }),
  );
});

test('a hard link means a file of the repository, and nothing else', () => {
  const layer = new LayerFiles(lower);
  layer.add('c.rpm', 5);
  expect([layer.linked(inRepository('c.rpm')), layer.linked(`/${inRepository('a.rpm')}`)]).toEqual([5, 1]);
  for (const target of ['etc/shadow', inRepository('missing.rpm'), '']) {
    expect(() => layer.linked(target)).toThrow(expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }));
  }
});

test('whiteouts without end are refused, and those elsewhere are not even remembered', () => {
  const layer = new LayerFiles(lower);
  for (let n = 0; n <= maxFiles; n++) layer.locate(`usr/lib/.wh.${n}`);
  expect(() => {
    for (let n = 0; n <= maxFiles; n++) layer.locate(inRepository(`.wh.${n}`));
  }).toThrow(expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }));
});
