// An image from a source that is not trusted: every document is held to the digest that names it, from the one that the
// caller knows down to the configuration.
import { type Digest, digestOf } from './digest.ts';
import { OciError } from './error.ts';
import type { ImageDocuments } from './image.ts';
import { checkConfigDescriptor, checkImageConfig } from './image-check.ts';
import { isImageIndex, maximumManifestSize, parseManifest } from './manifest.ts';
import { choosePlatform, hostPlatform } from './platform.ts';

/** Gives a manifest or an index by digest, or a configuration; `limit` is in bytes. What it gives is verified here. */
export type ReadDocument = (kind: 'manifest' | 'config', digest: Digest, limit: number) => Promise<Uint8Array>;

/**
 * The image of a digest: of an index, the one for this machine.
 * @throws OciError DIGEST_MISMATCH, SIZE_MISMATCH, IMAGE_MANIFEST_INVALID, IMAGE_CONFIG_INVALID, PLATFORM_NOT_FOUND
 */
export async function readVerifiedImage(digest: Digest, read: ReadDocument): Promise<ImageDocuments> {
  const { manifest, manifestBytes, manifestDigest } = await readManifest(digest, read);
  const what = `image ${manifestDigest}`;
  const descriptor = checkConfigDescriptor(manifest, what);
  const configBytes = await read('config', descriptor.digest, descriptor.size);
  check(configBytes, descriptor.digest, `configuration of ${what}`);
  const config = checkImageConfig(configBytes, manifest, undefined, what);
  return { manifest, manifestDigest, manifestBytes, config, configBytes };
}

async function readManifest(
  digest: Digest,
  read: ReadDocument,
): Promise<Pick<ImageDocuments, 'manifest' | 'manifestBytes' | 'manifestDigest'>> {
  const named = await readOne(digest, read);
  if (!isImageIndex(named.document)) {
    return { manifest: named.document, manifestBytes: named.bytes, manifestDigest: digest };
  }
  const chosen = choosePlatform(named.document, hostPlatform(process.arch), `index ${digest}`);
  const { bytes, document } = await readOne(chosen.digest, read);
  if (!isImageIndex(document)) return { manifest: document, manifestBytes: bytes, manifestDigest: chosen.digest };
  throw new OciError('IMAGE_MANIFEST_INVALID', `${digest} is an index of indexes; push an image or an index of images`);
}

async function readOne(digest: Digest, read: ReadDocument) {
  const bytes = await read('manifest', digest, maximumManifestSize);
  check(bytes, digest, `manifest ${digest}`);
  return { bytes, document: parseManifest(bytes) };
}

function check(bytes: Uint8Array, expected: Digest, what: string): void {
  const actual = digestOf(bytes);
  if (actual === expected) return;
  throw new OciError(
    'DIGEST_MISMATCH',
    `the ${what} should be ${expected} and is ${actual}: it was damaged or exchanged; try again, then push the image again`,
  );
}
