import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FileFacts, FileTree } from './file-tree.ts';

const file = (content: string): FileFacts => ({
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 1,
  content,
  xattrs: '',
});
const directory: FileFacts = { ...file(''), type: 'directory', size: 0 };

function paths(tree: FileTree): string[] {
  return [...tree.entries()].map(([path]) => path);
}

function twoLayers(): FileTree {
  const tree = new FileTree();
  tree.startLayer();
  for (const path of ['etc', 'etc/a', 'etc/b', 'usr', 'usr/bin', 'usr/bin/x', 'usr/bin/y']) {
    tree.add(path, path.includes('/') && path !== 'usr/bin' ? file(path) : directory);
  }
  tree.startLayer();
  return tree;
}

describe('FileTree', () => {
  test('a later layer covers an earlier one', () => {
    const tree = twoLayers();
    tree.add('etc/a', file('new'));
    expect(tree.get('etc/a')?.content).toBe('new');
  });

  test('a whiteout hides a path and all below it, whatever the order in its layer', () => {
    for (const addFirst of [true, false]) {
      const tree = twoLayers();
      if (addFirst) tree.add('usr/bin/z', file('z'));
      tree.remove('usr/bin');
      if (!addFirst) tree.add('usr/bin/z', file('z'));
      expect(paths(tree)).toEqual(['etc', 'etc/a', 'etc/b', 'usr', 'usr/bin/z']);
    }
  });

  test('an opaque whiteout keeps the directory and what its own layer has there', () => {
    const tree = twoLayers();
    tree.add('usr/bin/z', file('z'));
    tree.clear('usr/bin');
    expect(paths(tree)).toEqual(['etc', 'etc/a', 'etc/b', 'usr', 'usr/bin', 'usr/bin/z']);
  });

  test('a file in the place of a directory takes its content away, and the other way round', () => {
    const tree = twoLayers();
    tree.add('usr/bin', file('bin'));
    tree.add('etc/a', directory);
    tree.add('etc/a/b', file('b'));
    expect(paths(tree)).toEqual(['etc', 'etc/a', 'etc/a/b', 'etc/b', 'usr', 'usr/bin']);
  });

  test('a directory again changes its own facts only', () => {
    const tree = twoLayers();
    tree.add('etc', { ...directory, mode: 0o700 });
    expect(tree.get('etc')?.mode).toBe(0o700);
    expect(paths(tree)).toContain('etc/a');
  });

  test('a clone goes its own way', () => {
    const tree = twoLayers();
    const other = tree.clone();
    other.startLayer();
    other.remove('etc');
    expect(paths(tree)).toContain('etc/a');
    expect(paths(other)).not.toContain('etc');
  });

  test.each([['a/'.repeat(3000)], ['a'.repeat(300)]])('refuses names that no file system takes', (path) => {
    expect(() => new FileTree().add(path, directory)).toThrow(expect.objectContaining({ code: 'IMAGE_UNREADABLE' }));
  });

  test('whiteouts of paths that are not there change nothing', () => {
    const name = fc.constantFrom('etc/c', 'no', 'no/way', 'usr/bin/x/y');
    fc.assert(
      fc.property(name, (path) => {
        const tree = twoLayers();
        const before = paths(tree);
        tree.remove(path);
        tree.clear(path);
        expect(paths(tree)).toEqual(before);
      }),
    );
  });
});
