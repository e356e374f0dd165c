import { expect, test } from 'vitest';
import { type Digest, digestOf } from './digest.ts';
import { mediaTypes } from './media-types.ts';
import { hostPlatform } from './platform.ts';
import { readVerifiedImage } from './verified-image.ts';

const platform = hostPlatform(process.arch);
const store = new Map<Digest, Uint8Array>();
const config = put({ ...platform, rootfs: { type: 'layers', diff_ids: [digestOf(Buffer.from('layer'))] } });
const layer = { mediaType: mediaTypes.ociLayer, digest: digestOf(Buffer.from('blob')), size: 4 };
const manifest = put({
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: { ...config, mediaType: mediaTypes.ociConfig },
  layers: [layer],
});
const index = put({
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [{ ...manifest, mediaType: mediaTypes.ociManifest, platform }],
});
const indexOfIndexes = put({
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [{ ...index, mediaType: mediaTypes.ociIndex, platform }],
});

function put(value: object): { digest: Digest; size: number } {
  const bytes = Buffer.from(JSON.stringify(value));
  store.set(digestOf(bytes), bytes);
  return { digest: digestOf(bytes), size: bytes.length };
}

async function read(_kind: string, digest: Digest): Promise<Uint8Array> {
  return store.get(digest) ?? new Uint8Array();
}

test.each([
  ['of a manifest', manifest],
  ['of an index', index],
])('the image %s', async (_name, { digest }) => {
  expect(await readVerifiedImage(digest, read)).toMatchObject({
    manifestDigest: manifest.digest,
    manifest: { layers: [layer] },
    config: platform,
  });
});

test.each([
  ['manifest', index, manifest],
  ['index', index, index],
  ['configuration', manifest, config],
])('another %s than the digest says is refused', async (_name, { digest }, exchanged) => {
  const lie = async (kind: string, asked: Digest) =>
    asked === exchanged.digest ? Buffer.concat([await read(kind, asked), Buffer.from(' ')]) : await read(kind, asked);
  await expect(readVerifiedImage(digest, lie)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
});

test('an index of indexes is no image', async () => {
  await expect(readVerifiedImage(indexOfIndexes.digest, read)).rejects.toMatchObject({
    code: 'IMAGE_MANIFEST_INVALID',
  });
});
