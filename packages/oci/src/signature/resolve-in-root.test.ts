import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { resolveInRoot } from './resolve-in-root.ts';

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'varve-root-')));
});
afterEach(() => rm(root, { recursive: true }));

async function link(path: string, target: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await symlink(target, join(root, path));
}

test.each([
  ['nothing is there', {}, '/etc/p', 'etc/p'],
  ['an absolute link', { 'etc/p': '/usr/p' }, '/etc/p', 'usr/p'],
  ['a relative one', { 'etc/p': '../usr/p' }, 'etc/p', 'usr/p'],
  ['one that climbs higher than the root is', { 'etc/p': '../../../../../../../usr/p' }, '/etc/p', 'usr/p'],
  ['a directory that is one', { etc: '/usr/etc' }, '/etc/p', 'usr/etc/p'],
  ['one after the other', { etc: 'usr/etc', 'usr/etc': '/x/./y//', 'x/y/p': '../p' }, '/etc/p', 'x/p'],
  ['a part that climbs out of where a link leads', { a: '/x/y' }, '/a/../p', 'x/p'],
  ['the root itself', { 'etc/p': '/' }, '/etc/p', ''],
])('%s', async (_name, links, path, expected) => {
  for (const [from, to] of Object.entries(links)) await link(from, to);
  expect(await resolveInRoot(root, path)).toBe(join(root, expected));
});

test('links in a circle', async () => {
  await link('a', 'b');
  await link('b', '/a');
  await expect(resolveInRoot(root, '/a/p')).rejects.toThrow('more than 40 links');
});

test('whatever the links are, nothing leads out of the root, and what is reached is no link', async () => {
  const part = fc.constantFrom('a', 'b', 'c', '..', '.');
  const target = fc.tuple(fc.boolean(), fc.array(part, { minLength: 1, maxLength: 6 }));
  const tree = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd/a', 'd/b'), target);
  await fc.assert(
    fc.asyncProperty(tree, fc.array(part, { maxLength: 6 }), async (links, parts) => {
      await rm(root, { recursive: true });
      await mkdir(join(root, 'd'), { recursive: true });
      for (const [from, [isAbsolute, to]] of Object.entries(links)) {
        await link(from, `${isAbsolute ? '/' : ''}${to.join('/')}`);
      }
      let reached: string;
      try {
        reached = await resolveInRoot(root, parts.join('/'));
      } catch {
        return;
      }
      expect(`${reached}/`.startsWith(`${root}/`)).toBe(true);
      const isThere = await writeFile(join(reached, 'x'), '').then(
        () => true,
        () => false,
      );
      if (isThere) expect(await realpath(reached)).toBe(reached);
    }),
    { numRuns: 50 },
  );
});
