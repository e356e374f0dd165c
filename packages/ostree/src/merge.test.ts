import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OstreeChecksum } from './checksum.ts';
import { mergeLayers } from './merge.ts';
import { checksumFor, defaultName, type FlatTree, flatten, treeOf } from './testing/tree.ts';
import { directoriesIn, type TreeDirectory } from './tree.ts';

function merge(...layers: FlatTree[]): Map<string, OstreeChecksum> {
  return flatten(mergeLayers(layers.map(treeOf), treeOf({})));
}

function expected(flat: FlatTree): Map<string, OstreeChecksum> {
  return flatten(treeOf(flat));
}

describe('mergeLayers', () => {
  test.each<[string, FlatTree[], FlatTree]>([
    [
      'adds and replaces files',
      [
        { 'a/x': '1', 'a/y': '1' },
        { 'a/y': '2', b: '2' },
      ],
      { 'a/x': '1', 'a/y': '2', b: '2' },
    ],
    ['removes a file', [{ 'a/x': '1', 'a/y': '1' }, { 'a/.wh.x': '' }], { 'a/y': '1' }],
    ['removes a directory', [{ 'a/x': '1', b: '1' }, { '.wh.a': '' }], { b: '1' }],
    [
      'empties an opaque directory',
      [
        { 'a/x': '1', 'a/d/y': '1' },
        { 'a/z': '2', 'a/.wh..wh..opq': '' },
      ],
      { 'a/z': '2' },
    ],
    ['empties an opaque root', [{ 'a/x': '1' }, { '.wh..wh..opq': '', b: '2' }], { b: '2' }],
    ["keeps what the whiteout's own layer has", [{ '!x': '1' }, { '.wh.!x': '', '!x': '2' }], { '!x': '2' }],
    ["keeps a directory of the whiteout's own layer", [{ 'a/x': '1' }, { '.wh.a': '', 'a/y': '2' }], { 'a/y': '2' }],
    ["puts a file in a directory's place", [{ 'a/x': '1' }, { a: '2' }], { a: '2' }],
    ["puts a directory in a file's place", [{ a: '1' }, { 'a/x': '2' }], { 'a/x': '2' }],
    ["takes a directory's new metadata", [{ 'a/': 'old', 'a/x': '1' }, { 'a/': 'new' }], { 'a/': 'new', 'a/x': '1' }],
    [
      'keeps the metadata of a directory that the layer only passes',
      [{ 'a/': 'old' }, { 'a/x': '2' }],
      { 'a/': 'old', 'a/x': '2' },
    ],
    ["takes the root's metadata", [{ '/': 'old' }, { '/': 'new' }], { '/': 'new' }],
    ['a directory that comes back begins anew', [{ 'a/': 'old' }, { '.wh.a': '' }, { 'a/x': '3' }], { 'a/x': '3' }],
    ['forgets whiteouts of nothing', [{ '.wh.x': '', a: '1' }], { a: '1' }],
    ['ignores bookkeeping of AUFS', [{ '.wh..wh.plnk': '', '.wh..wh.aufs': '' }], {}],
  ])('%s', (_, layers, result) => {
    expect(merge(...layers)).toEqual(expected(result));
  });

  test('leaves its layers as they were', () => {
    const lower = treeOf({ 'a/x': '1' });
    mergeLayers([lower, treeOf({ 'a/.wh.x': '' })], treeOf({}));
    expect(flatten(lower)).toEqual(expected({ 'a/x': '1' }));
  });

  test('agrees with the rules applied one by one to a map of paths', () => {
    const name = fc.constantFrom('a', 'b', '!c', '.wh.a', '.wh.b', '.wh.!c', '.wh..wh..opq');
    const path = fc
      .tuple(fc.array(fc.constantFrom('a', 'b', '!c'), { maxLength: 2 }), name, fc.boolean())
      .map(
        ([parents, last, directory]) =>
          [...parents, last].join('/') + (directory && !last.startsWith('.wh.') ? '/' : ''),
      );
    const layer = fc.array(fc.tuple(path, fc.constantFrom('1', '2', '3')), { maxLength: 8 }).map(withoutClashes);
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 4 }), (layers) => {
        expect(merge(...layers)).toEqual(naiveMerge(layers.map(treeOf)));
      }),
      { numRuns: 1000 },
    );
  });
});

/** Leaves out entries below what is a file in the same layer, which no archive of a real directory has. */
function withoutClashes(entries: [string, string][]): FlatTree {
  const flat: FlatTree = {};
  const isFree = (path: string) =>
    Object.keys(flat).every((other) => {
      const bare = path.replace(/\/$/, '');
      return !(!other.endsWith('/') && `${bare}/`.startsWith(`${other}/`)) && !other.startsWith(`${bare}/`);
    });
  for (const [path, word] of entries) if (isFree(path)) flat[path] = word;
  return flat;
}

function naiveMerge(layers: TreeDirectory[]): Map<string, OstreeChecksum> {
  const merged = new Map([['/', checksumFor(defaultName)]]);
  const removeBelow = (prefix: string) => {
    for (const path of [...merged.keys()]) if (path.startsWith(prefix) && path !== prefix) merged.delete(path);
  };
  const remove = (path: string) => {
    removeBelow(`${path}/`);
    merged.delete(path);
    merged.delete(`${path}/`);
  };
  for (const layer of layers) {
    const implicit = new Set<string>();
    for (const { path, directory } of directoriesIn(layer))
      if (directory.implicit) implicit.add(path === '' ? '/' : `/${path}/`);
    const entries = [...flatten(layer)];
    for (const [path] of entries) {
      const [, directory, hidden] = /^(.*\/)\.wh\.(.*)$/.exec(path) ?? [];
      if (directory === undefined || hidden === undefined) continue;
      if (hidden === '.wh..opq') removeBelow(directory);
      else remove(directory + hidden);
    }
    for (const [path, checksum] of entries) {
      if (/\/\.wh\.[^/]*$/.test(path)) continue;
      const bare = path.replace(/\/$/, '');
      if (!path.endsWith('/')) remove(bare);
      else if (path !== '/') merged.delete(bare);
      if (implicit.has(path) && merged.has(path)) continue;
      merged.set(path, checksum);
    }
  }
  return new Map([...merged].sort(([a], [b]) => (a < b ? -1 : 1)));
}
