import { mkdir, mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseChecksum } from './checksum.ts';
import { importImage } from './image.ts';
import { metadataString } from './objects/commit.ts';
import { imageRef, layerRef } from './ref-name.ts';
import { Repository } from './repository.ts';
import { bootableLayer, type TestImage, testImage } from './testing/image.ts';
import { fsck, ostree } from './testing/sysroot.ts';
import type { TarInput } from './testing/tar.ts';

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');

let directory: string;
let repository: Repository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-image-'));
  repository = await Repository.create(join(directory, 'repo'), 'bare');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function importTest({ image, openLayer }: TestImage): Promise<string> {
  return (await importImage({ repository, image, openLayer })).commit;
}

/** Lines of `ostree ls` without those of the bootable layer. */
async function list(commit: string, path = '/'): Promise<string[]> {
  const lines = (await ostree('ls', '-R', '-X', `--repo=${repository.path}`, commit, path)).split('\n');
  return lines.map((line) => line.replace('{ @a(ayay) [] } ', ''));
}

async function temporaries(): Promise<string[]> {
  return (await readdir(join(repository.path, 'tmp'))).filter((name) => name.startsWith('varve-'));
}

describe('the tree', () => {
  test('keeps modes, owners, attributes, links and names', async () => {
    const commit = await importTest(
      testImage([
        bootableLayer,
        [
          { path: 'x/', type: 'directory', mode: 0o1750, uid: 3, gid: 4, xattrs: { 'user.dir': 'd' } },
          { path: 'x/su', content: 'su', mode: 0o6755, uid: 1, gid: 2 },
          { path: 'x/ping', content: 'ping', mode: 0o755, xattrs: { 'security.capability': capability } },
          { path: 'x/hard', type: 'hardlink', linkTarget: './x/su' },
          { path: 'x/soft', type: 'symlink', linkTarget: 'ping', uid: 7 },
          { path: 'x/ü 🦆', content: 'odd' },
          { path: 'x/\uffee', content: '' },
          { path: 'x/big', content: Buffer.alloc(1_300_000, 7) },
          { path: 'x/big-too', content: Buffer.alloc(1_300_000, 7) },
          { path: 'x/big-with-xattr', content: Buffer.alloc(300_000, 7), xattrs: { 'user.b': 'b', 'user.a': 'a' } },
          {
            path: 'x/foreign',
            content: '',
            xattrs: { 'security.selinux': 'x', 'trusted.overlay.opaque': 'y', 'user.e': '' },
          },
        ],
      ]),
    );
    expect(await list(commit, '/x')).toEqual([
      "d01750 3 4      0 { [(b'user.dir', [byte 0x64])] } /x",
      '-00644 0 0 1300000 /x/big',
      '-00644 0 0 1300000 /x/big-too',
      "-00644 0 0 300000 { [(b'user.a', [byte 0x61]), (b'user.b', [0x62])] } /x/big-with-xattr",
      '-00644 0 0      0 /x/foreign',
      '-06755 1 2      2 /x/hard',
      expect.stringMatching(
        /^-00755 0 0 {6}4 \{ \[\(b'security.capability', \[byte 0x01, 0x00, 0x00, 0x02, 0x00, 0x20, .*\/x\/ping$/,
      ),
      'l00777 7 0      0 /x/soft -> ping',
      '-06755 1 2      2 /x/su',
      '-00644 0 0      3 /x/ü 🦆',
      '-00644 0 0      0 /x/\uffee',
    ]);
    await fsck(repository.path);
  });

  test('has the checksum that `ostree commit` gives to the same files', async () => {
    const files: TarInput[] = [
      ...bootableLayer,
      { path: 'usr/bin/', type: 'directory', mode: 0o750, uid: 3, gid: 4 },
      { path: 'usr/bin/su', content: 'su', mode: 0o4755, uid: 1, gid: 2, xattrs: { 'user.a': 'b' } },
      { path: 'usr/bin/duck🦆', content: 'quack' },
      { path: 'usr/bin/soft', type: 'symlink', linkTarget: '../x' },
    ];
    const commit = await importTest(testImage([files]));
    const checkout = join(directory, 'checkout');
    await ostree('checkout', `--repo=${repository.path}`, commit, checkout);
    const other = await Repository.create(join(directory, 'other'), 'bare');
    const theirs = await ostree('commit', `--repo=${other.path}`, '--orphan', `--tree=dir=${checkout}`);
    const ours = repository.readCommit(
      await repository.readRef(imageRef(testImage([files]).image.reference)).then(defined),
    );
    const { tree, treeMetadata } = other.readCommit(defined(theirs) as typeof ours.tree);
    expect([tree, treeMetadata]).toEqual([ours.tree, ours.treeMetadata]);
  });

  test('is the merge of the layers', async () => {
    const commit = await importTest(
      testImage([
        [
          ...bootableLayer,
          { path: 'etc/removed', content: '1' },
          { path: 'opt/opaque/old', content: '1' },
          { path: 'opt/file', content: '1' },
          { path: 'opt/directory/x', content: '1' },
          { path: 'srv/', type: 'directory', mode: 0o700, uid: 5 },
        ],
        [
          { path: 'etc/.wh.removed', content: '' },
          { path: 'opt/opaque/.wh..wh..opq', content: '' },
          { path: 'opt/opaque/new', content: '2' },
          { path: 'opt/.wh.file', content: '' },
          { path: 'opt/file/now-a-directory', content: '2' },
          { path: 'opt/directory', content: '2' },
          { path: 'srv/x', content: '2' },
          { path: 'usr/lib/modules/6.1.0/', type: 'directory', mode: 0o711 },
        ],
      ]),
    );
    expect((await list(commit, '/opt')).map((line) => line.replace(/^.* /, ''))).toEqual([
      '/opt',
      '/opt/directory',
      '/opt/file',
      '/opt/file/now-a-directory',
      '/opt/opaque',
      '/opt/opaque/new',
    ]);
    expect(await list(commit, '/srv')).toEqual(['d00700 5 0      0 /srv', '-00644 0 0      1 /srv/x']);
    expect((await list(commit, '/usr/etc')).join('\n')).not.toContain('removed');
    expect((await list(commit, '/usr/lib/modules/6.1.0'))[0]).toBe('d00711 0 0      0 /usr/lib/modules/6.1.0');
  });

  test('has no content in runtime directories, none of an embedded repository, and no droppings of buildah', async () => {
    const commit = await importTest(
      testImage([
        [
          ...bootableLayer,
          { path: 'run/', type: 'directory' },
          { path: 'run/x', content: '1' },
          { path: 'dev/null', type: 'character' },
          { path: 'tmp/pipe', type: 'fifo' },
          { path: 'tmp/kept', content: 'linked' },
          { path: 'usr/linked', type: 'hardlink', linkTarget: 'tmp/kept' },
          { path: 'sysroot/ostree/repo/config', content: '[core]' },
          { path: 'etc/hostname', content: '' },
          { path: 'etc/resolv.conf', content: 'nameserver ::1\n' },
        ],
      ]),
    );
    const paths = (await list(commit)).map((line) => line.replace(/^\S+ \S+ \S+ +\d+ /, ''));
    expect(paths).toContain('/run');
    expect(paths).toContain('/sysroot');
    expect(paths).toContain('/usr/linked');
    expect(paths).toContain('/usr/etc/resolv.conf');
    expect(paths.filter((path) => /^\/(?:run|dev|tmp|sysroot)\/|hostname/.test(path))).toEqual([]);
    await fsck(repository.path);
  });
});

describe('refs and metadata', () => {
  test('are those of ostree-ext', async () => {
    const { image, openLayer } = testImage([bootableLayer, [{ path: 'usr/.wh.x', content: '' }]], {
      reference: 'quay.io/a/b:c',
      created: '2024-01-02T03:04:05Z',
    });
    const { commit } = await importImage({ repository, image, openLayer });
    expect(await repository.listRefs('ostree/')).toEqual(
      [
        'ostree/container/image/docker_3A__2F__2F_quay_2E_io/a/b_3A_c',
        ...image.manifest.layers.map(({ digest }) => layerRef(digest)),
      ].sort(),
    );
    const { metadata, timestamp, parent, subject } = repository.readCommit(commit);
    expect([...metadata.keys()]).toEqual([
      'ostree.container.image-config',
      'ostree.importer.version',
      'ostree.manifest',
      'ostree.manifest-digest',
    ]);
    expect({ timestamp, parent, subject }).toEqual({ timestamp: 1_704_164_645, parent: undefined, subject: '' });
    const manifest = metadataString(repository.readCommit(commit), 'ostree.manifest') ?? '';
    expect(JSON.parse(manifest)).toEqual(JSON.parse(Buffer.from(image.manifestBytes).toString()));
    expect(manifest).toMatch(/^\{"config":\{"digest":"[^"]*","mediaType":"[^"]*","size":\d+\},"layers":/);
    // Whiteouts stay in the layers' own commits.
    expect((await list(layerRef(image.manifest.layers[1]?.digest ?? image.manifestDigest))).join()).toContain(
      '/usr/.wh.x',
    );
  });
});

describe('what is there already', () => {
  test('is not fetched again', async () => {
    const first = testImage([bootableLayer, [{ path: 'usr/a', content: 'a' }]], { reference: 'localhost/os:1' });
    const second = testImage([bootableLayer, [{ path: 'usr/b', content: 'b' }]], { reference: 'localhost/os:2' });
    const imported = await importImage({ repository, ...first });
    expect(imported).toMatchObject({ layersFetched: 2, layersReused: 0 });
    expect(await importImage({ repository, ...first })).toEqual({
      ...imported,
      layersFetched: 0,
      layersReused: 2,
      bytesFetched: 0,
    });
    expect(first.opened).toHaveLength(2);
    expect(await importImage({ repository, ...second })).toMatchObject({ layersFetched: 1, layersReused: 1 });
    expect(second.opened).toEqual([second.image.manifest.layers[1]?.digest]);
  });

  test.each(['', ' and ostree fsck has noticed'])('is brought back when a file is missing%s', async (noticed) => {
    const image = testImage([bootableLayer, [{ path: 'usr/a', content: 'a' }]]);
    const { commit } = await importImage({ repository, ...image });
    await removeObject(commit, '/usr/a', 'file');
    if (noticed !== '') await expect(fsck(repository.path)).rejects.toThrow('Command failed');
    expect(await importImage({ repository, ...image })).toMatchObject({ commit, layersFetched: 1 });
    await fsck(repository.path);
  });

  test('is brought back when a directory is missing', async () => {
    const image = testImage([bootableLayer, [{ path: 'usr/a', content: 'a' }]]);
    const { commit } = await importImage({ repository, ...image });
    await removeObject(commit, '/usr/etc', 'dirtree');
    expect(await importImage({ repository, ...image })).toMatchObject({ commit, layersFetched: 1 });
    await fsck(repository.path);
  });

  async function removeObject(commit: string, path: string, type: 'file' | 'dirtree'): Promise<void> {
    const listing = await ostree('ls', '-d', '-C', `--repo=${repository.path}`, commit, path);
    await unlink(repository.objectPath(parseChecksum(/[0-9a-f]{64}/.exec(listing)?.[0] ?? ''), type));
  }

  test('takes over what a killed import left, and removes its files', async () => {
    const left = join(repository.path, 'tmp/varve-999999999-x');
    await mkdir(left);
    await writeFile(join(left, '1'), 'x');
    await importTest(testImage([bootableLayer]));
    expect(await temporaries()).toEqual([]);
  });
});

test('progress counts the bytes of the layers to fetch', async () => {
  const { image, openLayer } = testImage([bootableLayer, [{ path: 'usr/a', content: 'a' }]]);
  const seen: string[] = [];
  const total = image.manifest.layers.reduce((sum, { size }) => sum + size, 0);
  let last = 0;
  await importImage({
    repository,
    image,
    openLayer,
    onProgress: ({ step, bytesDone, bytesTotal }) => {
      expect(bytesTotal).toBe(total);
      expect(bytesDone).toBeGreaterThanOrEqual(last);
      last = bytesDone;
      if (seen.at(-1) !== step) seen.push(step);
    },
  });
  expect(seen).toEqual(['fetch', 'merge', 'done']);
  expect(last).toBe(total);
});

test('a ref is a file that ostree reads', async () => {
  const { image, openLayer } = testImage([bootableLayer]);
  const { commit } = await importImage({ repository, image, openLayer });
  expect(await ostree('rev-parse', `--repo=${repository.path}`, imageRef(image.reference))).toBe(commit);
  expect(await readFile(join(repository.path, 'refs/heads', imageRef(image.reference)), 'utf8')).toBe(`${commit}\n`);
});

function defined<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is missing');
  return value;
}
