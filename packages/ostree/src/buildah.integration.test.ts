// An image that buildah makes must become the tree that a container of it has.
import { createReadStream } from 'node:fs';
import { chmod, chown, lchown, link, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  digestHex,
  type Image,
  isDigest,
  isImageIndex,
  parseDigest,
  parseImageConfig,
  parseImageReference,
  parseManifest,
} from '@varve/oci';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseChecksum } from './checksum.ts';
import { importImage } from './image.ts';
import { Repository } from './repository.ts';
import { fsck, ostree } from './testing/sysroot.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-buildah-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function buildah(...args: string[]): Promise<string> {
  const storage = [
    '--root',
    join(directory, 'storage'),
    '--runroot',
    join(directory, 'run'),
    '--storage-driver',
    'vfs',
  ];
  const { stdout } = await spawn('buildah', [...storage, ...args]);
  return stdout.trim();
}

/** Makes an image on another one by changing its files from outside. */
async function build(from: string, name: string, change: (root: string) => Promise<void>): Promise<void> {
  const container = await buildah('from', from);
  await change(await buildah('mount', container));
  await buildah('commit', container, name);
  await buildah('rm', container);
}

async function write(root: string, path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

async function lower(root: string): Promise<void> {
  await write(root, 'usr/lib/modules/6.1/vmlinuz', 'kernel');
  await write(root, 'usr/lib/modules/6.1/initramfs.img', 'initramfs');
  await write(root, 'etc/removed', '1');
  await write(root, 'etc/kept', '1');
  await write(root, 'opt/again/old', '1');
  await write(root, 'opt/to-file/x', '1');
  await write(root, 'opt/to-directory', '1');
  await write(root, 'srv/x', '1');
  await symlink('usr/lib', join(root, 'lib'));
}

async function upper(root: string): Promise<void> {
  await rm(join(root, 'etc/removed'));
  await rm(join(root, 'opt/again'), { recursive: true });
  await write(root, 'opt/again/new', '2');
  await rm(join(root, 'opt/to-file'), { recursive: true });
  await write(root, 'opt/to-file', '2');
  await rm(join(root, 'opt/to-directory'));
  await write(root, 'opt/to-directory/x', '2');
  await chmod(join(root, 'srv'), 0o2770);
  await chown(join(root, 'srv'), 12, 34);
  await write(root, 'usr/bin/su', 'su');
  await chown(join(root, 'usr/bin/su'), 1, 2);
  await chmod(join(root, 'usr/bin/su'), 0o4755);
  await link(join(root, 'usr/bin/su'), join(root, 'usr/bin/su-too'));
  await write(root, 'usr/bin/ping', 'ping');
  await spawn('setfattr', [
    '-n',
    'security.capability',
    '-v',
    '0x0100000200200000000000000000000000000000',
    join(root, 'usr/bin/ping'),
  ]);
  await symlink('ping', join(root, 'usr/bin/ping-link'));
  await lchown(join(root, 'usr/bin/ping-link'), 5, 6);
  await write(root, `usr/share/${'long-'.repeat(40)}/ü 🦆\n`, 'odd');
}

async function readLayout(layout: string): Promise<Image> {
  const blob = (digest: string) => readFile(join(layout, 'blobs/sha256', digest.slice('sha256:'.length)));
  const index = parseManifest(await readFile(join(layout, 'index.json')));
  const manifestDigest = parseDigest(isImageIndex(index) ? (index.manifests[0]?.digest ?? '') : '');
  const manifestBytes = await blob(manifestDigest);
  const manifest = parseManifest(manifestBytes);
  if (isImageIndex(manifest) || !isDigest(manifest.config.digest)) throw new Error('not a manifest');
  const configBytes = await blob(manifest.config.digest);
  const reference = parseImageReference('localhost:5000/buildah:latest');
  return { reference, manifest, manifestDigest, manifestBytes, config: parseImageConfig(configBytes), configBytes };
}

test('an image of buildah becomes the tree that a container of it has', async () => {
  await build('scratch', 'lower', lower);
  await build('localhost/lower', 'upper', upper);
  const layout = join(directory, 'layout');
  await buildah('push', 'localhost/upper', `oci:${layout}`);

  const repository = await Repository.create(join(directory, 'repo'), 'bare');
  const { commit, layersFetched } = await importImage({
    repository,
    image: await readLayout(layout),
    openLayer: async ({ digest }) => createReadStream(join(layout, 'blobs/sha256', digestHex(digest))),
  });
  expect(layersFetched).toBe(2);
  await fsck(repository.path);

  const root = await buildah('mount', await buildah('from', 'localhost/upper'));
  for (const name of ['dev', 'proc', 'sys', 'run']) await rm(join(root, name), { recursive: true, force: true });
  await rename(join(root, 'etc'), join(root, 'usr/etc'));
  const theirs = await ostree('commit', `--repo=${repository.path}`, '--orphan', `--tree=dir=${root}`);
  const differences = await ostree('diff', `--repo=${repository.path}`, theirs, commit);
  expect(differences).toBe('');
  // The root's own metadata differs: buildah writes no entry for it.
  const [ours, reference] = [repository.readCommit(commit), repository.readCommit(parseChecksum(theirs))];
  expect(ours.tree).toBe(reference.tree);
});
