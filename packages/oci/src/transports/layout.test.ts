import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chunkImage } from '../chunked/chunk-image.ts';
import { digestHex, digestOf } from '../digest.ts';
import { readLayer } from '../layer/read.ts';
import { mediaTypes } from '../media-types.ts';
import { archive, entry, inChunks, pax } from '../tar/test-archive.ts';
import { parseImageSource } from './location.ts';
import { openImageDestination, openImageSource } from './open.ts';
import type { ImageSource } from './source.ts';

const tars = [
  archive(entry({ path: 'a', content: 'hello' }), entry({ path: 'b' })),
  archive(entry({ path: 'a', content: 'again' }), entry({ path: './a' })),
];
const layers = tars.map((tar) => gzipSync(tar));
const config = Buffer.from(
  JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) },
  }),
);
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: { mediaType: mediaTypes.dockerConfig, digest: digestOf(config), size: config.length },
    layers: layers.map((layer) => ({
      mediaType: mediaTypes.dockerLayerGzip,
      digest: digestOf(layer),
      size: layer.length,
    })),
  }),
);

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-layout-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

const noAccess = (): never => {
  throw new Error('there is no registry in this test');
};

async function openSource(text: string): Promise<ImageSource> {
  return openImageSource(parseImageSource(text), noAccess);
}

async function writeImage(text: string): Promise<void> {
  await using destination = await openImageDestination(parseImageSource(text), noAccess);
  for (const blob of [config, ...layers]) {
    await destination.writeBlob({ mediaType: 'a/b', digest: digestOf(blob), size: blob.length }, () => inChunks(blob));
  }
  expect(await destination.writeManifest(manifest, mediaTypes.dockerManifest)).toBe(digestOf(manifest));
}

async function filesIn(source: ImageSource): Promise<string[]> {
  const { manifest: read, config: image } = await source.getImage();
  const files: string[] = [];
  for (const [index, layer] of read.layers.entries()) {
    const diffId = image.rootfs.diff_ids[index];
    if (diffId === undefined) throw new Error('a layer without a diff-id');
    for await (const { path, content } of readLayer(await source.openBlob(layer), layer, diffId)) {
      files.push(
        `${path}=${Buffer.concat(await Array.fromAsync(content, (chunk) => Uint8Array.from(chunk))).toString()}`,
      );
    }
  }
  return files;
}

const contents = ['a=hello', 'b=', 'a=again', './a='];

describe('an OCI layout', () => {
  test('is read as it was written', async () => {
    const name = `oci:${join(directory, 'one')}:v1`;
    await writeImage(name);
    await writeImage(name);
    await using source = await openSource(name);
    const image = await source.getImage();
    expect([image.manifestDigest, Buffer.from(image.configBytes).equals(config)]).toEqual([digestOf(manifest), true]);
    expect(await filesIn(source)).toEqual(contents);
    const [layer] = image.manifest.layers;
    if (layer === undefined) throw new Error('no layer');
    const pieces: string[] = [];
    for await (const { bytes } of source.openRanges(layer, [
      { offset: 2, length: 3 },
      { offset: 10, length: 1 },
    ])) {
      pieces.push(Buffer.concat(await Array.fromAsync(bytes)).toString('hex'));
    }
    expect(pieces).toEqual([layers[0]?.subarray(2, 5).toString('hex'), layers[0]?.subarray(10, 11).toString('hex')]);
  });

  test('holds several images, of which one must be named', async () => {
    const path = join(directory, 'several');
    await writeImage(`oci:${path}:v1`);
    await writeImage(`oci:${path}:v2`);
    await expect(openSource(`oci:${path}`)).rejects.toMatchObject({
      code: 'IMAGE_LAYOUT_INVALID',
      message: expect.stringContaining('v1, v2'),
    });
    await expect(openSource(`oci:${path}:v3`)).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' });
    await using source = await openSource(`oci:${path}:v2`);
    expect((await source.getImage()).manifestDigest).toBe(digestOf(manifest));
  });

  test('takes no blob that is not what it should be', async () => {
    const path = join(directory, 'wrong');
    await using destination = await openImageDestination(parseImageSource(`oci:${path}:v1`), noAccess);
    const descriptor = { mediaType: 'a/b', digest: digestOf(config), size: config.length };
    await expect(destination.writeBlob(descriptor, () => inChunks(manifest))).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    });
    await expect(destination.writeBlob(descriptor, () => inChunks(Buffer.alloc(config.length)))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(await readdir(join(path, 'blobs/sha256'))).toEqual([]);
  });

  test.each([
    ['without a manifest', digestHex(digestOf(manifest)), 'IMAGE_LAYOUT_INVALID'],
    ['without a configuration', digestHex(digestOf(config)), 'IMAGE_LAYOUT_INVALID'],
  ])('%s is refused', async (_what, missing, code) => {
    const path = join(directory, `without-${missing}`);
    await writeImage(`oci:${path}:v1`);
    await rm(join(path, 'blobs/sha256', missing));
    const read = async (): Promise<unknown> => (await openSource(`oci:${path}:v1`)).getImage();
    await expect(read()).rejects.toMatchObject({ code });
  });

  test('with a damaged layer is found out', async () => {
    const path = join(directory, 'damaged');
    await writeImage(`oci:${path}:v1`);
    const layer = join(path, 'blobs/sha256', digestHex(digestOf(layers[0] ?? Buffer.alloc(0))));
    await writeFile(layer, Buffer.alloc((layers[0] ?? []).length));
    await using source = await openSource(`oci:${path}:v1`);
    await expect(filesIn(source)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await truncate(layer, 5);
    await expect(filesIn(source)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  test.each([
    ['oci:/does/not/exist', 'IMAGE_LAYOUT_INVALID'],
    ['dir:/does/not/exist', 'IMAGE_LAYOUT_INVALID'],
    ['oci-archive:/does/not/exist', 'IMAGE_LAYOUT_INVALID'],
    ['docker-archive:/etc/hostname', 'IMAGE_LAYOUT_INVALID'],
  ])('%s is none', async (text, code) => {
    await expect(openSource(text)).rejects.toMatchObject({ code });
  });
});

describe('a docker archive', () => {
  const files = (options: { config?: string; layers?: string[]; tags?: string[] } = {}): Buffer =>
    archive(
      entry({ path: 'config.json', content: config }),
      entry({ path: 'one/layer.tar', content: tars[0] ?? '' }),
      entry({ path: 'two/layer.tar.gz', content: layers[1] ?? '' }),
      entry({ path: 'three/layer.tar', type: '2', link: '../one/layer.tar' }),
      entry({
        path: 'manifest.json',
        content: JSON.stringify([
          {
            Config: options.config ?? 'config.json',
            RepoTags: options.tags ?? ['os:v1'],
            Layers: options.layers ?? ['three/layer.tar', 'two/layer.tar.gz'],
          },
        ]),
      }),
    );

  test('is read, with a layer that is a link and one that is compressed', async () => {
    const path = join(directory, 'docker.tar');
    await writeFile(path, files());
    for (const name of [`docker-archive:${path}`, `docker-archive:${path}:os:v1`, `docker-archive:${path}:@0`]) {
      await using source = await openSource(name);
      expect(await filesIn(source)).toEqual(contents);
    }
    await expect(openSource(`docker-archive:${path}:os:v2`)).rejects.toMatchObject({ code: 'IMAGE_LAYOUT_INVALID' });
  });

  test.each([
    ['lacks a layer', files({ layers: ['one/layer.tar', 'nothing'] }), 'IMAGE_LAYOUT_INVALID'],
    ['lacks a diff-id', files({ layers: ['one/layer.tar', 'one/layer.tar', 'one/layer.tar'] }), 'IMAGE_LAYOUT_INVALID'],
    ['leads elsewhere', files({ config: '../../etc/passwd' }), 'IMAGE_LAYOUT_INVALID'],
    ['is compressed', gzipSync(files()), 'IMAGE_LAYOUT_INVALID'],
    ['is cut', files().subarray(0, 1200), 'IMAGE_LAYOUT_INVALID'],
    ['has layers in another order', files({ layers: ['two/layer.tar.gz', 'one/layer.tar'] }), 'DIGEST_MISMATCH'],
  ])('that %s is refused', async (_what, bytes, code) => {
    const path = join(directory, 'bad.tar');
    await writeFile(path, bytes);
    const read = async (): Promise<unknown> => {
      await using source = await openSource(`docker-archive:${path}`);
      return await filesIn(source);
    };
    await expect(read()).rejects.toMatchObject({ code });
  });
});

describe('chunkImage', () => {
  test('writes the same image with chunked layers, keeps what cannot be chunked, and does so again', async () => {
    await writeImage(`oci:${join(directory, 'source')}:v1`);
    const digests = new Set<string>();
    for (const name of ['first', 'second']) {
      const target = `oci:${join(directory, name)}:v1`;
      await using source = await openSource(`oci:${join(directory, 'source')}:v1`);
      await using destination = await openImageDestination(parseImageSource(target), noAccess);
      const steps: number[] = [];
      const chunked = await chunkImage({
        source,
        destination,
        onProgress: ({ bytesDone }) => void steps.push(bytesDone),
      });
      digests.add(chunked.digest);
      expect(steps.at(-1)).toBe((layers[0]?.length ?? 0) + (layers[1]?.length ?? 0));
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));
      expect(chunked.layers.map(({ kept }) => kept)).toEqual([undefined, expect.stringContaining('twice')]);
      expect(chunked.layers[1]?.digest).toBe(digestOf(layers[1] ?? Buffer.alloc(0)));
      await using result = await openSource(target);
      const image = await result.getImage();
      expect(image.manifest.mediaType).toBe(mediaTypes.ociManifest);
      expect(image.manifest.layers.map(({ mediaType }) => mediaType)).toEqual([
        mediaTypes.ociLayerZstd,
        mediaTypes.ociLayerGzip,
      ]);
      expect(Buffer.from(image.configBytes).equals(config)).toBe(true);
      expect(await filesIn(result)).toEqual(contents);
    }
    expect(digests.size).toBe(1);
  });

  test('copies what is chunked already', async () => {
    await using source = await openSource(`oci:${join(directory, 'first')}:v1`);
    await using destination = await openImageDestination(
      parseImageSource(`oci:${join(directory, 'third')}:v1`),
      noAccess,
    );
    const chunked = await chunkImage({ source, destination });
    expect(chunked.digest).toBe((await source.getImage()).manifestDigest);
    expect(JSON.parse(await readFile(join(directory, 'third', 'index.json'), 'utf8'))).toMatchObject({
      manifests: [{ digest: chunked.digest, annotations: { 'org.opencontainers.image.ref.name': 'v1' } }],
    });
  });

  test('refuses layers that are not what the configuration says', async () => {
    const tar = archive(pax({ path: 'x' }), entry({}));
    const layer = gzipSync(tar);
    const path = `oci:${join(directory, 'lying')}:v1`;
    const lying = JSON.parse(manifest.toString());
    lying.layers[0] = { mediaType: mediaTypes.dockerLayerGzip, digest: digestOf(layer), size: layer.length };
    await writeImage(path);
    await using writer = await openImageDestination(parseImageSource(path), noAccess);
    await writer.writeBlob(lying.layers[0], () => inChunks(layer));
    await writer.writeManifest(Buffer.from(JSON.stringify(lying)), mediaTypes.dockerManifest);
    await using source = await openSource(path);
    await using destination = await openImageDestination(
      parseImageSource(`oci:${join(directory, 'never')}:v1`),
      noAccess,
    );
    await expect(chunkImage({ source, destination })).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});
