import type { ImageRegistry } from '../client/image-registry.ts';
import { type Digest, digestOf } from '../digest.ts';
import { isImageIndex, type Platform, parseManifest } from '../manifest.ts';
import type { ImageReference } from '../reference.ts';
import { fetchSignatures } from './fetch.ts';
import type { ImageSignatures } from './signatures.ts';

/** An image in a registry and its signatures, as verifySignatures takes them. */
export interface SignedImage {
  reference: ImageReference;
  manifestDigest: Digest;
  /** Where the reference names an index. */
  indexDigest?: Digest;
  signatures: ImageSignatures;
}

/**
 * What a reference names now, of an index the image for `platform` (default: this machine's), and the signatures of both.
 * The digests are computed here; the signatures are not verified.
 * @throws OciError IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND, REGISTRY_*, *_MISMATCH, IMAGE_MANIFEST_INVALID, IMAGE_CONFIG_INVALID
 */
export async function fetchSignedImage(
  registry: ImageRegistry,
  reference: ImageReference,
  options: { signal?: AbortSignal; platform?: Platform } = {},
): Promise<SignedImage> {
  const bytes = await registry.readManifest(reference, options);
  const named = digestOf(bytes);
  if (!isImageIndex(parseManifest(bytes))) {
    const signatures = await fetchSignatures(registry, reference, [named], options);
    return { reference, manifestDigest: named, signatures };
  }
  const { manifestDigest } = await registry.getImage({ ...reference, digest: named }, options);
  const signatures = await fetchSignatures(registry, reference, [manifestDigest, named], options);
  return { reference, manifestDigest, indexDigest: named, signatures };
}
