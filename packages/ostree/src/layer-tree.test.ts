import { describe, expect, test } from 'vitest';
import { LayerTree } from './layer-tree.ts';
import { checksumFor, flatten } from './testing/tree.ts';
import { directoriesIn } from './tree.ts';

const plain = checksumFor('default');

describe('LayerTree', () => {
  test('makes the directories that entries pass, and knows them from those that have an entry', () => {
    const tree = new LayerTree(plain);
    tree.addFile('a/b/c', checksumFor('file'));
    tree.addDirectory('a', checksumFor('own'));
    const implicit = [...directoriesIn(tree.root)].filter(({ directory }) => directory.implicit);
    expect(implicit.map(({ path }) => path)).toEqual(['', 'a/b']);
    expect(flatten(tree.root).get('/a/')).toBe(checksumFor('own'));
  });

  test('lets the last entry of a path count', () => {
    const tree = new LayerTree(plain);
    tree.addFile('a', checksumFor('1'));
    tree.addFile('a', checksumFor('2'));
    tree.addDirectory('d', checksumFor('1'));
    tree.addFile('d/x', checksumFor('1'));
    tree.addFile('d', checksumFor('3'));
    tree.addFile('f', checksumFor('1'));
    tree.addDirectory('f', checksumFor('4'));
    expect([...flatten(tree.root).keys()]).toEqual(['/', '/a', '/d', '/f/']);
    expect(flatten(tree.root).get('/a')).toBe(checksumFor('2'));
  });

  test('refuses entries below a file that took the place of their directory', () => {
    const tree = new LayerTree(plain);
    tree.addFile('d/e/x', checksumFor('1'));
    tree.addFile('d', checksumFor('2'));
    expect(() => tree.addFile('d/e/y', checksumFor('3'))).toThrow('lies below "d", which is not a directory');
    expect([...flatten(tree.root).keys()]).toEqual(['/', '/d']);
  });

  test('refuses entries below a file', () => {
    const tree = new LayerTree(plain);
    tree.addFile('lib', checksumFor('link'));
    expect(() => tree.addFile('lib/x/y', checksumFor('1'))).toThrow('lies below "lib", which is not a directory');
    expect(() => tree.addFile('', checksumFor('1'))).toThrow('is the root');
  });

  test('finds files that are not part of the tree', () => {
    const tree = new LayerTree(plain);
    tree.noteFile('tmp/x', checksumFor('1'));
    expect(tree.findFile('tmp/x')).toBe(checksumFor('1'));
    expect([...flatten(tree.root).keys()]).toEqual(['/']);
  });
});
