// Layouts and archives between us and skopeo.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { readLayer } from '../layer/read.ts';
import type { Descriptor } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import { archive, entry, inChunks } from '../tar/test-archive.ts';
import { parseImageSource } from './location.ts';
import { openImageDestination, openImageSource } from './open.ts';

const tars = [
  archive(entry({ path: 'a', content: 'hello' })),
  archive(entry({ path: 'b', content: 'x'.repeat(100_000) })),
];
const layers = tars.map((tar) => gzipSync(tar));
const rootfs = { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) };
const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs }));

function describeBlob(mediaType: string, blob: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(blob), size: blob.length };
}

const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: describeBlob(mediaTypes.ociConfig, config),
    layers: layers.map((layer) => describeBlob(mediaTypes.ociLayerGzip, layer)),
  }),
);

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-skopeo-'));
  await writeFile(join(directory, 'policy.json'), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  await using layout = await openImageDestination(parseImageSource(`oci:${directory}/ours:v1`), () => ({}));
  for (const blob of [config, ...layers]) await layout.writeBlob(describeBlob('a/b', blob), () => inChunks(blob));
  await layout.writeManifest(manifest, mediaTypes.ociManifest);
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function skopeoCopies(target: string, ...options: string[]): Promise<void> {
  const source = `oci:${directory}/ours:v1`;
  await spawn('skopeo', ['--policy', join(directory, 'policy.json'), 'copy', ...options, source, target], {
    timeout: 60_000,
  });
}

/** Digest of the manifest and the configuration, and what the layers hold. */
async function read(text: string): Promise<[string, string, string[]]> {
  await using source = await openImageSource(parseImageSource(text), () => ({}));
  const image = await source.getImage();
  const files: string[] = [];
  for (const [index, layer] of image.manifest.layers.entries()) {
    const diffId = image.config.rootfs.diff_ids[index];
    if (diffId === undefined) throw new Error('a layer without a diff-id');
    for await (const { path, size } of readLayer(await source.openBlob(layer), layer, diffId))
      files.push(`${path} ${size}`);
  }
  return [image.manifestDigest, digestOf(image.configBytes), files];
}

const files = ['a 5', 'b 100000'];

test.each(['oci:%/copy:v1', 'oci-archive:%/copy.tar:v1', 'dir:%/copied'])(
  '%s of skopeo has the same image',
  async (name) => {
    const target = name.replace('%', directory);
    await skopeoCopies(target, '--preserve-digests');
    expect(await read(target)).toEqual([digestOf(manifest), digestOf(config), files]);
  },
);

test('a docker-archive of skopeo has the same configuration and files', async () => {
  const target = `docker-archive:${directory}/docker.tar`;
  await skopeoCopies(`${target}:localhost/os:v1`);
  for (const name of [target, `${target}:localhost/os:v1`]) {
    expect((await read(name)).slice(1)).toEqual([digestOf(config), files]);
  }
});
