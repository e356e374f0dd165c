import {
  type Digest,
  digestOf,
  type Image,
  type ImageReference,
  OciError,
  parseImageConfig,
  parseImageReference,
  parseManifest,
} from '@varve/oci';
import { expect, it } from 'vitest';
import { createImageResolver } from './resolve-image.ts';

const digest = digestOf(Buffer.from('index'));
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

function image(os: string, layers: number): Image {
  const diffIds = Array.from({ length: layers }, (_, index) => digestOf(Buffer.from(`layer ${index}`)));
  const configBytes = json({ os, architecture: 'amd64', rootfs: { type: 'layers', diff_ids: diffIds } });
  const manifestBytes = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf(configBytes),
      size: configBytes.length,
    },
    layers: diffIds.map((layer) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer, size: 1 })),
  });
  const manifest = parseManifest(manifestBytes, 'application/vnd.oci.image.manifest.v1+json');
  if (!('layers' in manifest)) throw new Error('an index');
  const reference = parseImageReference('registry.example/os/web');
  return {
    reference,
    manifest,
    manifestDigest: digestOf(manifestBytes),
    manifestBytes,
    config: parseImageConfig(configBytes),
    configBytes,
  };
}

function registry(found: Image, asked: ImageReference[] = []) {
  const descriptor = { mediaType: 'application/vnd.oci.image.index.v1+json', digest, size: 5 };
  return {
    resolve: async () => descriptor,
    getImage: async (reference: ImageReference) => {
      asked.push(reference);
      return found;
    },
  };
}

function resolve(found: Image, asked?: ImageReference[]): Promise<Digest> {
  return createImageResolver(registry(found, asked))('registry.example/os/web:1', new AbortController().signal);
}

it('gives the digest of what the tag names, after a look at exactly that', async () => {
  const asked: ImageReference[] = [];
  expect(await resolve(image('linux', 1), asked)).toBe(digest);
  expect(asked).toEqual([{ registry: 'registry.example', repository: 'os/web', digest }]);
});

it.each([
  ['windows', 1, /windows/],
  ['linux', 0, /no layers/],
])('refuses an image for %s with %i layers', async (os, layers, message) => {
  await expect(resolve(image(os, layers))).rejects.toMatchObject({
    code: 'IMAGE_UNSUITABLE',
    message: expect.stringMatching(message),
  });
});

it('passes on what the registry says', async () => {
  const missing = new OciError('IMAGE_NOT_FOUND', 'it is not there');
  const resolver = createImageResolver({ ...registry(image('linux', 1)), resolve: () => Promise.reject(missing) });
  await expect(resolver('registry.example/os/web:1', new AbortController().signal)).rejects.toBe(missing);
});
