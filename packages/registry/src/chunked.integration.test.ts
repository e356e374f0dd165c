// Chunked layers between us and the tools that have the format from: podman, skopeo and buildah of Debian 12, which know it
// in its first form, and of Debian 13, which fetch single files and check every header of a layer against its table.
// Debian 13's run in a directory of their own, made once; where it cannot be had their tests are skipped.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import {
  chunkImage,
  type Descriptor,
  digestOf,
  fetchContents,
  fetchToc,
  mediaTypes,
  type OpenRanges,
  openImageDestination,
  openImageSource,
  parseImageReference,
  parseImageSource,
  RegistryClient,
  readLayer,
} from '@varve/oci';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestRegistry } from './test-registry.ts';

const trixie = '/var/cache/varve/tools-trixie';
const policyInTrixie = '/run/varve-test/policy.json';
/** cap_net_raw, as the kernel stores it. */
const capability = '0x0100000200200000000000000000000000000000';
const big = Buffer.from(Array.from({ length: 700_000 }, (_, index) => ((index * index) >> 5) % 251));

let directory: string;
let registry: TestRegistry;
let hasTrixie = false;
const mounts: string[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-chunked-'));
  registry = await TestRegistry.start();
  await writeFile(join(directory, 'policy.json'), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  await writeImage();
  await using source = await openImageSource(parseImageSource(plain()), () => ({}));
  await using destination = await openImageDestination(parseImageSource(`docker://${ours()}`), () => ({
    insecure: true,
  }));
  await chunkImage({ source, destination });
  hasTrixie = await prepareTrixie();
});

afterAll(async () => {
  for (const path of mounts.toReversed()) await spawn('umount', ['--lazy', path]);
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** The image with gzip layers. */
function plain(): string {
  return `oci:${join(directory, 'layout')}:plain`;
}

/** The same with chunked layers. */
function ours(): string {
  return `${registry.host}/ours:v1`;
}

async function run(command: string, commandArguments: string[]): Promise<string> {
  const { stdout } = await spawn(command, commandArguments, { env: { TMPDIR: directory }, timeout: 240_000 });
  return stdout;
}

/** Options of podman and buildah for a store of their own. */
function store(name: string): string[] {
  const base = join(directory, name);
  return ['--root', join(base, 'root'), '--runroot', join(base, 'run'), '--storage-driver', 'vfs'];
}

/** Two layers: with all that a layer can hold, and one that changes the other. */
async function writeImage(): Promise<void> {
  const tree = join(directory, 'tree');
  await mkdir(join(tree, 'etc'), { recursive: true });
  await writeFile(join(tree, 'etc/greeting'), 'hello\n');
  await writeFile(join(tree, 'etc/empty'), '');
  await writeFile(join(tree, `etc/${'long-'.repeat(40)}grüße`), 'long');
  await writeFile(join(tree, 'big'), big, { mode: 0o755 });
  await writeFile(join(tree, 'zeros'), Buffer.alloc(200_000));
  await symlink('etc/greeting', join(tree, 'link'));
  await link(join(tree, 'big'), join(tree, 'hardlink'));
  await spawn('chown', ['1234:5678', join(tree, 'etc/empty')]);
  await spawn('setfattr', ['-n', 'security.capability', '-v', capability, join(tree, 'zeros')]);
  await writeFile(join(directory, 'second'), 'second\n');
  const archives = [await tar(tree, '.'), await tar(directory, '--transform=s,second,etc/greeting,', 'second')];
  const layers = archives.map((archive) => gzipSync(archive));
  const rootfs = { type: 'layers', diff_ids: archives.map((archive) => digestOf(archive)) };
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs }));
  const describe = (mediaType: string, blob: Uint8Array): Descriptor => ({
    mediaType,
    digest: digestOf(blob),
    size: blob.length,
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: describe(mediaTypes.ociConfig, config),
    layers: layers.map((layer) => describe(mediaTypes.ociLayerGzip, layer)),
  };
  await using layout = await openImageDestination(parseImageSource(plain()), () => ({}));
  for (const blob of [config, ...layers]) await layout.writeBlob(describe('a/b', blob), () => Readable.from([blob]));
  await layout.writeManifest(Buffer.from(JSON.stringify(manifest)), manifest.mediaType);
}

/** An image that no registry has: tools take what they know one to have without writing it again. */
async function newImage(): Promise<string> {
  const name = `localhost/${randomUUID()}`;
  await writeFile(join(directory, 'tree/unique'), name);
  await writeFile(join(directory, 'Containerfile'), 'FROM scratch\nCOPY tree /\n');
  await run('buildah', [...store('build'), 'build', '--isolation', 'chroot', '-t', name, directory]);
  return name;
}

async function newImageInTrixie(): Promise<string> {
  const layout = `/run/varve-test/${randomUUID()}`;
  await run('buildah', [...store('build'), 'push', await newImage(), `oci:${join(trixie, layout)}:v1`]);
  return `oci:${layout}:v1`;
}

async function tar(base: string, ...rest: string[]): Promise<Buffer> {
  const path = join(directory, 'layer.tar');
  await spawn('tar', ['--format=pax', '--xattrs', '--xattrs-include=*', '-C', base, '-cf', path, ...rest]);
  return await readFile(path);
}

/** A root directory with Debian 13's tools, and all that they need from this machine. It takes minutes to make. */
async function prepareTrixie(): Promise<boolean> {
  if (!existsSync(trixie)) {
    if (process.env.CI === undefined) return false;
    const half = `${trixie}.half`;
    await rm(half, { recursive: true, force: true });
    const packages = '--include=podman,skopeo,buildah,crun,netavark,ca-certificates';
    try {
      await spawn(
        'mmdebstrap',
        ['--variant=apt', packages, '--aptopt=Apt::Install-Recommends "false"', 'trixie', half],
        { timeout: 280_000 },
      );
      await rename(half, trixie);
    } catch {
      await rm(half, { recursive: true, force: true });
      return false;
    }
  }
  // Unpacking a layer remounts the root, which must therefore be a mount.
  await mount(['--bind', trixie, trixie]);
  for (const name of ['proc', 'sys', 'dev']) await mount(['--rbind', '--make-rslave', `/${name}`, join(trixie, name)]);
  await mkdir(join(trixie, 'run/varve-test'), { recursive: true });
  await mount(['-t', 'tmpfs', 'tmpfs', join(trixie, 'run/varve-test')]);
  await writeFile(
    join(trixie, 'run/varve-test/storage.conf'),
    [
      '[storage]',
      'driver = "overlay"',
      'runroot = "/run/varve-test/run"',
      'graphroot = "/run/varve-test/root"',
      '[storage.options.pull_options]',
      'enable_partial_images = "true"',
    ].join('\n'),
  );
  await writeFile(join(trixie, 'run/varve-test/policy.json'), await readFile(join(directory, 'policy.json')));
  return true;
}

async function mount(options: string[]): Promise<void> {
  await spawn('mount', options);
  mounts.push(options.at(-1) ?? '');
}

async function inTrixie(command: string, ...commandArguments: string[]): Promise<string> {
  const { stdout, stderr } = await spawn('chroot', [trixie, command, ...commandArguments], {
    env: {
      CONTAINERS_STORAGE_CONF: '/run/varve-test/storage.conf',
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/run/varve-test',
    },
    timeout: 240_000,
  });
  return `${stdout}\n${stderr}`;
}

async function expectTree(root: string): Promise<void> {
  const read = async (path: string): Promise<string> => digestOf(await readFile(join(root, path)));
  expect(await readFile(join(root, 'etc/greeting'), 'utf8')).toBe('second\n');
  expect([await read('big'), await read('hardlink')]).toEqual([digestOf(big), digestOf(big)]);
  expect(await read('zeros')).toBe(digestOf(Buffer.alloc(200_000)));
  expect(await readFile(join(root, `etc/${'long-'.repeat(40)}grüße`), 'utf8')).toBe('long');
  const { stdout: attributes } = await spawn('getfattr', [
    '-e',
    'hex',
    '-n',
    'security.capability',
    join(root, 'zeros'),
  ]);
  expect(attributes).toContain(`security.capability=${capability}`);
  const { stdout } = await spawn('stat', [
    '-c',
    '%u:%g %a %F',
    join(root, 'etc/empty'),
    join(root, 'big'),
    join(root, 'link'),
  ]);
  expect(stdout.split('\n')).toEqual([
    '1234:5678 644 regular empty file',
    '0:0 755 regular file',
    '0:0 777 symbolic link',
  ]);
}

/** Every file of an image, by its table of contents and by its archive. */
async function readBothWays(text: string): Promise<void> {
  await using client = new RegistryClient({ insecure: true });
  const reference = parseImageReference(text);
  const { manifest, config } = await client.getImage(reference);
  const openRanges: OpenRanges = (descriptor, ranges, signal) =>
    client.openRanges(reference, descriptor, ranges, signal && { signal });
  for (const [index, layer] of manifest.layers.entries()) {
    const diffId = config.rootfs.diff_ids[index];
    if (diffId === undefined) throw new Error('a layer without a diff-id');
    expect(await describeChunked(openRanges, layer)).toEqual(
      await describeArchive(readLayer(await client.openBlob(reference, layer), layer, diffId)),
    );
  }
}

async function describeChunked(openRanges: OpenRanges, layer: Descriptor): Promise<unknown[]> {
  const { entries } = await fetchToc(openRanges, layer);
  const digests = new Map<string, string>();
  for await (const { entry, content } of fetchContents(openRanges, layer, entries)) {
    digests.set(entry.path, digestOf(Buffer.concat(await Array.fromAsync(content))));
  }
  return entries.map(({ digest: _digest, chunks: _chunks, ...metadata }) => ({
    ...metadata,
    content: digests.get(metadata.path),
  }));
}

async function describeArchive(entries: ReturnType<typeof readLayer>): Promise<unknown[]> {
  const described: unknown[] = [];
  for await (const { content, ...metadata } of entries) {
    const bytes = Buffer.concat(await Array.fromAsync(content, (chunk) => Uint8Array.from(chunk)));
    const xattrs = new Map([...metadata.xattrs].map(([name, value]) => [name, Uint8Array.from(value)]));
    described.push({ ...metadata, xattrs, content: digestOf(bytes) });
  }
  return described;
}

test('we read what we write', async () => {
  await readBothWays(ours());
});

describe('Debian 12', () => {
  test('podman pulls it', async () => {
    await run('podman', [...store('podman'), 'pull', '-q', '--tls-verify=false', ours()]);
    const root = await run('podman', [...store('podman'), 'image', 'mount', ours()]);
    await expectTree(root);
  });

  test('buildah pulls it', async () => {
    const container = await run('buildah', [...store('buildah'), 'from', '--tls-verify=false', ours()]);
    await expectTree(await run('buildah', [...store('buildah'), 'mount', container]));
  });

  test('skopeo copies it, by digest and byte', async () => {
    const target = join(directory, 'copied');
    await run('skopeo', [
      '--policy',
      join(directory, 'policy.json'),
      'copy',
      '--src-tls-verify=false',
      '--preserve-digests',
      `docker://${ours()}`,
      `dir:${target}`,
    ]);
    await using client = new RegistryClient({ insecure: true });
    const { manifestDigest } = await client.getImage(parseImageReference(ours()));
    expect(digestOf(await readFile(join(target, 'manifest.json')))).toBe(manifestDigest);
    await using copy = await openImageSource(parseImageSource(`dir:${target}`), () => ({}));
    expect((await copy.getImage()).manifestDigest).toBe(manifestDigest);
  });

  test('podman writes what we read', async () => {
    const name = `${registry.host}/debian12:v1`;
    const options = ['--tls-verify=false', '--compression-format', 'zstd:chunked'];
    await run('podman', [...store('build'), 'push', ...options, await newImage(), name]);
    await readBothWays(name);
  });
});

describe('Debian 13', () => {
  test('podman fetches its files, with all checks that it has', async ({ skip }) => {
    if (!hasTrixie) skip('the tools of Debian 13 are not here; CI=true makes them');
    const name = ours();
    const log = await inTrixie(
      'podman',
      '--log-level=debug',
      'pull',
      '--tls-verify=false',
      `--signature-policy=${policyInTrixie}`,
      name,
    );
    expect(log.match(/Retrieved partial blob/g)).toHaveLength(2);
    const root = (await inTrixie('podman', 'image', 'mount', name)).trim().split('\n')[0] ?? '';
    await expectTree(join(trixie, root));
    await inTrixie('podman', 'image', 'unmount', '--all');
  });

  test('skopeo writes what we read', async ({ skip }) => {
    if (!hasTrixie) skip('the tools of Debian 13 are not here; CI=true makes them');
    const name = `${registry.host}/debian13/skopeo:v1`;
    const options = ['--dest-tls-verify=false', '--dest-compress-format=zstd:chunked'];
    await inTrixie(
      'skopeo',
      `--policy=${policyInTrixie}`,
      'copy',
      ...options,
      await newImageInTrixie(),
      `docker://${name}`,
    );
    await readBothWays(name);
  });

  test.for(['podman', 'buildah'])('%s writes what we read', async (tool, { skip }) => {
    if (!hasTrixie) skip('the tools of Debian 13 are not here; CI=true makes them');
    const name = `${registry.host}/debian13/${tool}:v1`;
    const pulled = await inTrixie(
      'podman',
      'pull',
      '-q',
      `--signature-policy=${policyInTrixie}`,
      await newImageInTrixie(),
    );
    const image = pulled.trim().split('\n')[0] ?? '';
    await inTrixie(tool, 'push', '--tls-verify=false', '--compression-format=zstd:chunked', image, `docker://${name}`);
    await readBothWays(name);
  });
});
