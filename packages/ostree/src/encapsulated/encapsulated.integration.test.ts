// Images that were made from an OSTree commit: the commit comes out as it went in.
import { mkdir, mkdtemp, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { digestOf } from '@varve/oci';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OstreeChecksum, parseChecksum } from '../checksum.ts';
import { importImage } from '../image.ts';
import { layerRef, layerRefPrefix } from '../ref-name.ts';
import { Repository } from '../repository.ts';
import { encapsulate } from '../testing/encapsulate.ts';
import { type TestImage, testImage } from '../testing/image.ts';
import { fsck, ostree } from '../testing/sysroot.ts';
import { type TarInput, tar } from '../testing/tar.ts';

let directory: string;
let repository: Repository;
let archive: Repository;
let root: string;
let commit: OstreeChecksum;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-encapsulated-'));
  repository = await Repository.create(join(directory, 'repo'), 'bare');
  archive = await Repository.create(join(directory, 'archive'), 'archive');
  root = join(directory, 'root');
  await write('usr/lib/modules/6.1/vmlinuz', 'kernel');
  await write('usr/lib/modules/6.1/initramfs.img', 'initramfs');
  await write('usr/lib/large', Buffer.alloc(200_000, 'large'));
  await write('usr/etc/hostname', '');
  await write('usr/etc/passwd', 'root:x:0:0::/:/bin/sh\n');
  await write('usr/etc/selinux/config', 'SELINUX=enforcing\nSELINUXTYPE=targeted\n');
  await write('usr/etc/selinux/targeted/contexts/files/file_contexts', '/.*  system_u:object_r:usr_t:s0\n');
  await symlink('var/opt', join(root, 'opt'));
  for (const path of ['usr/lib/large', 'usr', 'opt', '.']) await label(path, 'system_u:object_r:usr_t:s0');
  await label('usr/etc/passwd', 'system_u:object_r:passwd_file_t:s0');
  commit = await commitRoot();
});

afterEach(async () => {
  await fsck(repository.path);
  await rm(directory, { recursive: true, force: true });
});

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

/** As `ostree commit --selinux-policy` and `rpm-ostree compose` leave it, on the link itself. */
async function label(path: string, context: string): Promise<void> {
  await spawn('setfattr', ['-h', '-n', 'security.selinux', '-v', `${context}`, join(root, path)]);
}

async function commitRoot(): Promise<OstreeChecksum> {
  return parseChecksum(
    await ostree('commit', `--repo=${archive.path}`, '--branch=os', '--subject=base', `--tree=dir=${root}`),
  );
}

async function encapsulatedImage(derived: readonly TarInput[][] = [], reference = 'quay.io/os:1'): Promise<TestImage> {
  const { commitLayer, chunkLayers } = await encapsulate(archive, commit, 3);
  return testImage([commitLayer, ...chunkLayers, ...derived], {
    reference,
    labels: { 'ostree.commit': commit, 'ostree.final-diffid': digestOf(tar(chunkLayers.at(-1) ?? [])) },
  });
}

async function importIt({ image, openLayer }: TestImage) {
  return importImage({ repository, image, openLayer });
}

async function withoutPolicy(): Promise<void> {
  await rm(join(root, 'usr/etc/selinux'), { recursive: true });
  commit = await commitRoot();
}

test('the commit and its tree, labels included, are those that were encapsulated', async () => {
  const image = await encapsulatedImage();
  const imported = await importIt(image);
  expect(imported).toMatchObject({ layersFetched: 4, layersReused: 0 });
  const ours = repository.readCommit(parseChecksum(imported.commit));
  const theirs = archive.readCommit(commit);
  expect([ours.tree, ours.treeMetadata, ours.parent]).toEqual([theirs.tree, theirs.treeMetadata, commit]);
  expect(repository.readCommit(commit)).toEqual(theirs);
  expect(await ostree('ls', '-X', `--repo=${repository.path}`, commit, '/usr/etc/passwd')).toContain(
    'security.selinux',
  );
  expect(await repository.readRef(layerRef(image.image.manifest.layers[0]?.digest ?? image.image.manifestDigest))).toBe(
    commit,
  );
  expect(await ostree('fsck', `--repo=${repository.path}`)).not.toContain('partial');
  expect(await importIt(image)).toMatchObject({ commit: imported.commit, layersFetched: 0, layersReused: 4 });
});

test('an update fetches only the layers that changed', async () => {
  await importIt(await encapsulatedImage());
  await write('usr/lib/new', 'new');
  commit = await commitRoot();
  const next = await encapsulatedImage([], 'quay.io/os:2');
  const { layersFetched } = await importIt(next);
  expect(next.opened).toHaveLength(layersFetched);
  expect(layersFetched).toBeLessThan(4);
});

test.each(['', ' and ostree fsck has noticed'])('what is missing of a layer comes back%s', async (noticed) => {
  const image = await encapsulatedImage();
  const { commit: imported } = await importIt(image);
  const listing = await ostree('ls', '-C', `--repo=${repository.path}`, commit, '/usr/lib/large');
  await unlink(repository.objectPath(parseChecksum(/[0-9a-f]{64}/.exec(listing)?.[0] ?? ''), 'file'));
  if (noticed !== '') await expect(fsck(repository.path)).rejects.toThrow('Command failed');
  expect(await importIt(image)).toMatchObject({ commit: imported, layersFetched: 1 });
});

describe('layers on top', () => {
  const derived: TarInput[] = [
    { path: 'usr/bin/tool', content: 'tool' },
    { path: 'etc/tool.conf', content: 'x' },
    { path: 'opt/dropped', content: 'x' },
    { path: 'home/dropped', content: 'x' },
    { path: 'var/lib/kept', content: 'x' },
    { path: 'usr/lib/.wh.large', content: '' },
  ];

  async function paths(imported: string): Promise<string[]> {
    const lines = (await ostree('ls', '-R', `--repo=${repository.path}`, imported)).split('\n');
    return lines.map((line) => line.replace(/^\S+ \S+ \S+ +\d+ /, ''));
  }

  test('are merged by the rules of the base: only what a host takes', async () => {
    await withoutPolicy();
    const image = await encapsulatedImage([derived]);
    const { commit: imported } = await importIt(image);
    const found = await paths(imported);
    expect(found).toEqual(
      expect.arrayContaining(['/usr/bin/tool', '/usr/etc/tool.conf', '/var/lib/kept', '/opt -> var/opt']),
    );
    expect(found.filter((path) => /dropped|^\/home|large|\/etc\/hostname/.test(path))).toEqual([]);
    expect(repository.readCommit(imported).parent).toBe(commit);
    // The same layer under an image without a base keeps everything.
    const plain = testImage([
      [
        { path: 'usr/lib/modules/6/vmlinuz', content: 'k' },
        { path: 'usr/lib/modules/6/initramfs.img', content: 'i' },
      ],
      derived,
    ]);
    expect(await paths((await importIt(plain)).commit)).toContain('/home/dropped');
  });

  test('keep any path where the base has a transient root', async () => {
    await write('usr/lib/ostree/prepare-root.conf', '[composefs]\nenabled = yes\n[root]\ntransient = true\n');
    await withoutPolicy();
    const { commit: imported } = await importIt(
      await encapsulatedImage([derived.filter(({ path }) => !path.startsWith('opt'))]),
    );
    expect(await paths(imported)).toContain('/home/dropped');
  });

  test('are refused where the base has a policy, for they have no labels', async () => {
    await expect(importIt(await encapsulatedImage([derived]))).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: expect.stringContaining('SELinux policy targeted'),
    });
  });
});

describe('refuses', () => {
  function altered(layer: readonly TarInput[], pattern: RegExp, change: (entry: TarInput) => TarInput[]): TarInput[] {
    return layer.flatMap((entry) => (pattern.test(entry.path) ? change(entry) : [entry]));
  }

  test.each<[string, RegExp, (entry: TarInput) => TarInput[], string | RegExp]>([
    [
      'a file with another content',
      /\.file$/,
      (entry) => [{ ...entry, content: 'evil', type: 'file' }],
      'is another object',
    ],
    ['a file with other permissions', /\.file$/, (entry) => [{ ...entry, mode: 0o4755, uid: 7 }], 'is another object'],
    ['a file that is a device', /\.file$/, (entry) => [{ ...entry, content: '', type: 'character' }], 'neither a file'],
    ['a file without attributes before it', /\.file-xattrs-link$/, () => [], 'no extended attributes before it'],
    ['a link to attributes that are not there', /\.file-xattrs$/, () => [], 'not in the layer before it'],
    [
      'attributes with another content',
      /\.file-xattrs$/,
      (entry) => [{ ...entry, content: 'evil' }],
      'not what its name says',
    ],
    [
      'a directory with another content',
      /\.dirtree$/,
      (entry) => [{ ...entry, content: 'evil' }],
      'not what its name says',
    ],
    [
      'a commit with another content',
      /\.commit$/,
      (entry) => [{ ...entry, content: 'evil' }],
      'not what its name says',
    ],
    ['a layer without its commit', /\.commit$/, () => [], 'does not have the commit'],
    ['layers that miss a file', /\.file(?:-xattrs-link)?$/, () => [], 'do not have all objects'],
    ['layers that miss a directory', /\.dirmeta$/, () => [], 'do not have all objects'],
  ])('%s', async (_, pattern, change, message) => {
    const { commitLayer, chunkLayers } = await encapsulate(archive, commit, 1);
    const layers = [commitLayer, ...chunkLayers].map((layer) => altered(layer, pattern, change));
    const image = testImage(layers, {
      labels: { 'ostree.commit': commit, 'ostree.final-diffid': digestOf(tar(layers.at(-1) ?? [])) },
    });
    await expect(importIt(image)).rejects.toMatchObject({
      code: 'LAYER_NOT_IMPORTABLE',
      message: expect.stringContaining(message as string),
    });
    expect(await repository.listRefs('ostree/container/image/')).toEqual([]);
  });

  test.each([
    ['a commit that is none', { 'ostree.commit': 'x' }],
    [
      'a last layer that is not there',
      { 'ostree.commit': 'a'.repeat(64), 'ostree.final-diffid': `sha256:${'b'.repeat(64)}` },
    ],
    ['no commit', { 'ostree.final-diffid': `sha256:${'b'.repeat(64)}` }],
  ])('labels with %s', async (_, labels) => {
    await expect(importIt(testImage([[]], { labels }))).rejects.toMatchObject({ code: 'IMAGE_UNSUPPORTED' });
    expect(await repository.listRefs(layerRefPrefix)).toEqual([]);
  });
});
