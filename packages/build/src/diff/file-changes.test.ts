import { describe, expect, test } from 'vitest';
import { compareFiles, type FileChange, groupFiles } from './file-changes.ts';
import { type FileFacts, FileTree } from './file-tree.ts';

const file: FileFacts = { type: 'file', mode: 0o644, uid: 0, gid: 0, size: 10, content: 'a', xattrs: '' };

function treeOf(files: Record<string, Partial<FileFacts>>): FileTree {
  const tree = new FileTree();
  for (const [path, facts] of Object.entries(files)) tree.add(path, { ...file, ...facts });
  return tree;
}

function compare(before: Record<string, Partial<FileFacts>>, after: Record<string, Partial<FileFacts>>): FileChange[] {
  return compareFiles(treeOf(before), treeOf(after), []);
}

describe('compareFiles', () => {
  test('tells what was added, removed and changed, by path', () => {
    const changes = compare({ b: {}, c: {}, d: {} }, { a: { size: 3 }, b: { size: 12, content: 'b' }, d: {} });
    expect(changes.map(({ path, change, sizeBefore, sizeAfter }) => [path, change, sizeBefore, sizeAfter])).toEqual([
      ['/a', 'added', 0, 3],
      ['/b', 'changed', 10, 12],
      ['/c', 'removed', 10, 0],
    ]);
  });

  test.each<[Partial<FileFacts>, string[]]>([
    [{}, []],
    [{ content: 'b' }, ['content']],
    [{ mode: 0o4755 }, ['mode']],
    [{ gid: 5 }, ['owner']],
    [{ xattrs: 'security.capability=AQ==' }, ['xattrs']],
    [{ content: 'b', uid: 1 }, ['content', 'owner']],
    [{ type: 'symlink', content: 'x' }, ['type']],
  ])('%o differs in %o', (after, aspects) => {
    expect(compare({ a: {} }, { a: after }).flatMap((change) => change.aspects)).toEqual(aspects);
  });
});

describe('groupFiles', () => {
  test('by package, then by directory: two levels of /usr and /var, one of others', () => {
    const before = new FileTree();
    const after = treeOf({ 'usr/bin/jq': {}, 'usr/lib/x/y': {}, 'etc/a/b': {}, 'var/lib/c': {}, top: {} });
    const changes = compareFiles(before, after, [new Map([['usr/bin/jq', 'jq']])]);
    expect(groupFiles(changes).map(({ name, owner }) => [owner, name])).toEqual([
      ['package', 'jq'],
      ['directory', '/'],
      ['directory', '/etc'],
      ['directory', '/usr/lib'],
      ['directory', '/var/lib'],
    ]);
  });

  test('a file that two images give to two packages is of the later one', () => {
    const owners = [new Map([['a', 'new']]), new Map([['a', 'old']])];
    expect(compareFiles(treeOf({ a: {} }), treeOf({ a: { content: 'b' } }), owners)).toMatchObject([
      { package: 'new' },
    ]);
  });
});
