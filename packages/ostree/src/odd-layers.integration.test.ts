// Layers that are odd, and what becomes of them: archives byte by byte.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { importImage } from './image.ts';
import { imageRefPrefix } from './ref-name.ts';
import { Repository } from './repository.ts';
import { bootableLayer, testImage } from './testing/image.ts';
import { fsck, ostree } from './testing/sysroot.ts';
import { type TarInput, tar } from './testing/tar.ts';

let directory: string;
let repository: Repository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-odd-'));
  repository = await Repository.create(join(directory, 'repo'), 'bare');
});

afterEach(async () => {
  await fsck(repository.path);
  await rm(directory, { recursive: true, force: true });
});

async function importLayer(layer: readonly TarInput[] | Uint8Array): Promise<string> {
  return (await importImage({ repository, ...testImage([bootableLayer, layer]) })).commit;
}

async function cat(commit: string, path: string): Promise<string> {
  return ostree('cat', `--repo=${repository.path}`, commit, path);
}

test('absolute names lie below the root', async () => {
  const commit = await importLayer([
    { path: '/usr/x', content: 'x' },
    { path: '/etc/x', content: 'y' },
  ]);
  expect([await cat(commit, '/usr/x'), await cat(commit, '/usr/etc/x')]).toEqual(['x', 'y']);
});

test('links out of the tree are links and nothing else', async () => {
  const commit = await importLayer([{ path: 'usr/out', type: 'symlink', linkTarget: '../../../../etc/shadow' }]);
  expect(await ostree('ls', `--repo=${repository.path}`, commit, '/usr/out')).toMatch(
    /-> \.\.\/\.\.\/\.\.\/\.\.\/etc\/shadow$/,
  );
});

test('of two entries with one name the last one counts, and a hard link means the one before it', async () => {
  const commit = await importLayer([
    { path: 'usr/x', content: 'first' },
    { path: 'usr/early', type: 'hardlink', linkTarget: 'usr/x' },
    { path: './usr//x', content: 'second', mode: 0o600 },
    { path: 'usr/late', type: 'hardlink', linkTarget: '/usr/x' },
    { path: 'usr/d/', type: 'directory', mode: 0o700 },
    { path: 'usr/d/', type: 'directory', mode: 0o711 },
  ]);
  expect(await Promise.all(['/usr/x', '/usr/early', '/usr/late'].map((path) => cat(commit, path)))).toEqual([
    'second',
    'first',
    'second',
  ]);
  expect(await ostree('ls', '-d', `--repo=${repository.path}`, commit, '/usr/d')).toMatch(/^d00711/);
});

test('a pax path counts, and not the one in the header', async () => {
  const path = `etc/${'long/'.repeat(30)}x`;
  const commit = await importLayer([{ path, content: 'x' }]);
  expect(await cat(commit, `/usr/${path}`)).toBe('x');
  // The header of such an entry has the beginning of the path.
  const root = await ostree('ls', `--repo=${repository.path}`, commit, '/');
  expect(root).not.toMatch(/\/etc$/m);
});

test('a name that is not UTF-8 is refused', async () => {
  const archive = tar([{ path: 'usr/latin-X', content: 'x' }]);
  const at = archive.indexOf('X');
  archive[at] = 0xe4;
  fixChecksum(archive);
  await expect(importLayer(archive)).rejects.toMatchObject({ code: 'LAYER_INVALID' });
  expect(await repository.listRefs(imageRefPrefix)).toEqual([]);
});

test('a file of 8 GiB, by its header, that the archive does not have is refused', async () => {
  const archive = tar([{ path: 'usr/huge', content: 'x' }]);
  // Base-256, as GNU tar writes sizes that octal digits cannot hold.
  archive.fill(0, 124, 136);
  archive[124] = 0x80;
  archive.writeBigUInt64BE(8n * 1024n ** 3n, 128);
  fixChecksum(archive);
  await expect(importLayer(archive)).rejects.toMatchObject({ code: 'LAYER_INVALID' });
});

/** Of the first header. */
function fixChecksum(archive: Buffer): void {
  archive.fill(' ', 148, 156);
  let sum = 0;
  for (const byte of archive.subarray(0, 512)) sum += byte;
  archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
}
