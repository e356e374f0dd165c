// pull, import and merge with the real ostree and skopeo, from an OCI layout that the test makes.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../context.ts';
import { importInto, mergeLayers, pullImage } from './image-import.ts';

let directory: string;
let source: string;
let repo: string;
const varve = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../main.ts')];
const as = 'registry.example/os/test:1';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-import-'));
  repo = join(directory, 'repo');
  source = await makeLayout();
  await spawn('ostree', ['init', `--repo=${repo}`, '--mode=bare']);
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function context(signal = new AbortController().signal): Context & { lines: string[] } {
  const lines: string[] = [];
  const terminal = {
    out: (text: string) => void lines.push(text),
    err: (text: string) => void lines.push(text),
    status: () => undefined,
    interactive: false,
  };
  return { terminal, signal, lines };
}

/** An image of two layers that a host could boot, as `oci:DIRECTORY:test`. */
async function makeLayout(more: Record<string, string> = {}): Promise<string> {
  const blobs = join(directory, 'layout/blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const layers = [
    await writeLayer(blobs, 'lower', { 'usr/lib/modules/6.1/vmlinuz': 'kernel', 'usr/bin/old': 'old', ...more }),
    await writeLayer(blobs, 'upper', { 'usr/lib/modules/6.1/initramfs.img': 'initramfs', 'usr/bin/.wh.old': '' }),
  ];
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  const config = await writeBlob(blobs, JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs }));
  const manifest = await writeBlob(
    blobs,
    JSON.stringify({
      schemaVersion: 2,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: layers.map((layer) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer })),
    }),
  );
  const annotations = { 'org.opencontainers.image.ref.name': 'test' };
  const manifests = [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', ...manifest, annotations }];
  await writeFile(join(directory, 'layout/index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  await writeFile(join(directory, 'layout/oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return `oci:${join(directory, 'layout')}:test`;
}

/** Serves a layout; of its large blobs only the first half, while it stalls. */
class StallingRegistry implements AsyncDisposable {
  readonly #server: Server;
  readonly #stalled = Promise.withResolvers<void>();
  stalls = true;

  private constructor(layout: string) {
    this.#server = createServer(async (request, response) => {
      const name = /\/v2\/os\/(?:blobs|manifests)\/(?:sha256:)?(\w+)$/.exec(request.url ?? '')?.[1];
      if (name === undefined) return void response.writeHead(200).end('{}');
      const index: Index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
      const digest = name === 'test' ? index.manifests[0]?.digest.slice('sha256:'.length) : name;
      const bytes = await readFile(join(layout, 'blobs/sha256', digest ?? '')).catch(() => undefined);
      if (bytes === undefined) return void response.writeHead(404).end();
      const isManifest = request.url?.includes('/manifests/');
      const type = isManifest ? 'application/vnd.oci.image.manifest.v1+json' : 'application/octet-stream';
      response.writeHead(200, { 'content-type': type, 'content-length': bytes.length });
      if (!this.stalls || bytes.length < 1_000_000) return void response.end(bytes);
      response.write(bytes.subarray(0, bytes.length / 2), () => this.#stalled.resolve());
    });
  }

  static async start(layout: string): Promise<StallingRegistry> {
    const registry = new StallingRegistry(layout);
    registry.#server.listen(0, '127.0.0.1');
    await once(registry.#server, 'listening');
    return registry;
  }

  get host(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  /** Half of a large blob is sent. */
  get stalled(): Promise<void> {
    return this.#stalled.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

interface Index {
  readonly manifests: readonly { readonly digest: string }[];
}

async function writeLayer(blobs: string, name: string, files: Record<string, string>) {
  const tree = join(directory, name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(tree, path, '..'), { recursive: true });
    await writeFile(join(tree, path), content);
  }
  const archive = join(directory, `${name}.tar`);
  await spawn('tar', ['--create', '--file', archive, '--directory', tree, '.']);
  return await writeBlob(blobs, await readFile(archive));
}

async function writeBlob(blobs: string, bytes: string | Buffer): Promise<{ digest: string; size: number }> {
  const hex = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(blobs, hex), bytes);
  return { digest: `sha256:${hex}`, size: Buffer.byteLength(bytes) };
}

async function ostree(...args: string[]): Promise<string> {
  const [command = '', ...rest] = args;
  return (await spawn('ostree', [command, `--repo=${repo}`, ...rest])).stdout;
}

describe('import', () => {
  test('brings an image into a repository, and again without fetching anything', async () => {
    const first = await importInto(source, { repo, as }, context());
    expect(first).toMatchObject({ layersFetched: 2, layersReused: 0 });
    const files = await ostree('ls', '--recursive', first.commit);
    expect(files).toContain('/usr/lib/modules/6.1/initramfs.img');
    expect(files).not.toContain('/usr/bin/old');
    expect(await importInto(source, { repo, as }, context())).toMatchObject({
      commit: first.commit,
      layersFetched: 0,
      bytesFetched: 0,
    });
    await ostree('fsck', '--quiet');
  });

  test('says how far it is', async () => {
    const { lines, ...given } = context();
    await importInto(source, { repo, as }, given);
    expect(lines.join('\n')).toMatch(/^fetch: .* of .*\n(.*\n)*merge: /);
  });

  test('needs a reference for an image that no registry has', async () => {
    await expect(importInto(source, { repo }, context())).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('stops when interrupted, and goes on the next time', async () => {
    const interrupt = new AbortController();
    const { terminal, signal } = context(interrupt.signal);
    const stopping = { ...terminal, err: () => interrupt.abort() };
    await expect(importInto(source, { repo, as }, { terminal: stopping, signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    await importInto(source, { repo, as }, context());
    await ostree('fsck', '--quiet');
  });
});

describe('merge', () => {
  test('refuses while layers are missing', async () => {
    await expect(mergeLayers(source, { repo, as }, context())).rejects.toMatchObject({ code: 'LAYER_NOT_IMPORTED' });
    expect(await ostree('refs')).toBe('');
  });

  test('makes the commit again from the layers, and names it', async () => {
    const { commit } = await importInto(source, { repo, as }, context());
    await ostree('refs', '--delete', 'ostree/container/image');
    await ostree('prune', '--refs-only');
    expect(await mergeLayers(source, { repo, as, branch: 'os/test' }, context())).toMatchObject({ commit });
    expect(await ostree('rev-parse', 'os/test')).toBe(commit);
    await ostree('fsck', '--quiet');
  });
});

describe('pull', () => {
  test('copies the same bytes to another layout, and only what it has not', async () => {
    const copy = join(directory, 'copy');
    const { digest, bytesFetched } = await pullImage(source, `oci:${copy}:copied`, {}, context());
    expect(bytesFetched).toBeGreaterThan(0);
    const inspected = await spawn('skopeo', ['inspect', '--format', '{{.Digest}}', `oci:${copy}:copied`]);
    expect(inspected.stdout.trim()).toBe(digest);
    expect(await pullImage(source, `oci:${copy}:again`, {}, context())).toMatchObject({ digest, bytesFetched: 0 });
  });

  test('refuses a layer that is not what the manifest says', async () => {
    const manifest = JSON.parse(await readFile(join(directory, 'layout/index.json'), 'utf8')).manifests[0].digest;
    const path = join(directory, 'layout/blobs/sha256', manifest.slice('sha256:'.length));
    const layer = JSON.parse(await readFile(path, 'utf8')).layers[0].digest.slice('sha256:'.length);
    const blob = join(directory, 'layout/blobs/sha256', layer);
    const bytes = await readFile(blob);
    bytes[600] = 0x7f;
    await writeFile(blob, bytes);
    const copy = join(directory, 'copy');
    await expect(pullImage(source, `oci:${copy}:copied`, {}, context())).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    await expect(stat(join(copy, 'blobs/sha256', layer))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('ends with 130 when interrupted, leaves no half image, and goes on the next time', async () => {
    await makeLayout({ 'usr/large': randomBytes(1_000_000).toString('hex') });
    await using registry = await StallingRegistry.start(join(directory, 'layout'));
    const registries = join(directory, 'registries.conf');
    await writeFile(registries, `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`);
    const copy = join(directory, 'copy');
    const args = [...varve, 'image', 'pull', `docker://${registry.host}/os:test`, `oci:${copy}:copied`];
    const options = { stdin: 'ignore', env: { CONTAINERS_REGISTRIES_CONF: registries } } as const;
    const interrupted = spawn(process.execPath, args, options);
    const child = await interrupted.nodeChildProcess;
    void registry.stalled.then(() => child.kill('SIGINT'));
    await expect(interrupted).rejects.toMatchObject({ exitCode: 130 });
    await expect(spawn('skopeo', ['inspect', `oci:${copy}:copied`])).rejects.toThrow();
    registry.stalls = false;
    await spawn(process.execPath, args, options);
    await spawn('skopeo', ['inspect', `oci:${copy}:copied`]);
  });
});
