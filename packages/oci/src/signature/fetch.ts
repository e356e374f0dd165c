// Finds what a registry has of an image's signatures: attachments at the tag `sha256-HEX.sig`, and bundles among the
// manifests that refer to the image.
// https://github.com/sigstore/cosign/blob/main/specs/{SIGNATURE_SPEC,BUNDLE_SPEC}.md
import type { ImageRegistry } from '../client/image-registry.ts';
import { type Digest, digestHex } from '../digest.ts';
import { OciError, type OciErrorCode } from '../error.ts';
import { type Descriptor, type ImageIndex, isImageIndex, type Manifest, parseManifest } from '../manifest.ts';
import type { ImageReference } from '../reference.ts';
import { bundleMediaTypes, signaturePredicateType } from './bundle.ts';
import {
  fits,
  type ImageSignatures,
  maximumReasonSize,
  maximumReasons,
  maximumSignatures,
  maximumTextSize,
  type SignatureAttachment,
} from './signatures.ts';

interface Waiting {
  signal?: AbortSignal;
}

const simpleSigning = 'application/vnd.dev.cosign.simplesigning.v1+json';
const annotations = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  chain: 'dev.sigstore.cosign/chain',
  rekorBundle: 'dev.sigstore.cosign/bundle',
  predicateType: 'dev.sigstore.bundle.predicateType',
};
const maximumReferrers = 128;
/** Bytes; in base64 they are a third more. What is longer does not count, and any number of them may be there. */
const maximumPayloadSize = Math.floor(maximumTextSize / 4) * 3;
/** What is the matter with one signature, which leaves the others as they are. */
const damageCodes: readonly OciErrorCode[] = [
  'IMAGE_MANIFEST_INVALID',
  'IMAGE_NOT_FOUND',
  'DIGEST_MISMATCH',
  'SIZE_MISMATCH',
];

/**
 * Fetches the signatures of an image: of its manifest, and of the index that holds it, where there is one (`digests`). What
 * it gives is bounded and not verified. One that is damaged is left out and `damaged` says why: as with one that is not
 * accepted, another may do. (containers/image gives up at the first: image/docker/docker_image_src.go,
 * appendSignaturesFromSigstoreAttachments.)
 * @throws OciError REGISTRY_*; an image without signatures is no error
 */
export async function fetchSignatures(
  registry: ImageRegistry,
  reference: ImageReference,
  digests: readonly Digest[],
  options: Waiting = {},
): Promise<ImageSignatures> {
  const { registry: host, repository } = reference;
  const found: ImageSignatures = { attachments: [], bundles: [] };
  for (const digest of new Set(digests)) {
    const image = { registry: host, repository, digest };
    await fetchAttachments(registry, image, found, options);
    await fetchBundles(registry, image, found, options);
  }
  return found;
}

type SignedImage = Pick<ImageReference, 'registry' | 'repository'> & { digest: Digest };

async function fetchAttachments(
  registry: ImageRegistry,
  image: SignedImage,
  found: ImageSignatures,
  options: Waiting,
): Promise<void> {
  const tag = `sha256-${digestHex(image.digest)}.sig`;
  const manifest = await unlessDamaged(found, tag, () => readTag(registry, image, tag, options));
  if (manifest === undefined || isImageIndex(manifest)) return;
  for (const [index, layer] of manifest.layers.entries()) {
    const read = () => readAttachment(registry, image, layer, options);
    const attachment = await unlessDamaged(found, `layer ${index + 1} of ${tag}`, read);
    if (attachment === undefined || isTooLong(Object.values(attachment))) continue;
    found.attachments.push(attachment);
    if (isFull(found)) {
      found.attachments.pop();
      return;
    }
  }
}

/** Undefined where a layer is no signature. */
async function readAttachment(
  registry: ImageRegistry,
  image: SignedImage,
  layer: Descriptor,
  options: Waiting,
): Promise<SignatureAttachment | undefined> {
  const signature = layer.annotations?.[annotations.signature];
  if (layer.mediaType !== simpleSigning || signature === undefined || layer.size > maximumPayloadSize) return undefined;
  const payload = await readBlob(registry, image, layer, options);
  const attachment: SignatureAttachment = { payload: payload.toString('base64'), signature };
  for (const name of ['certificate', 'chain', 'rekorBundle'] as const) {
    const text = layer.annotations?.[annotations[name]];
    if (text !== undefined) attachment[name] = text;
  }
  return attachment;
}

async function fetchBundles(
  registry: ImageRegistry,
  image: SignedImage,
  found: ImageSignatures,
  options: Waiting,
): Promise<void> {
  const referrers = await findReferrers(registry, image, found, options);
  for (const referrer of referrers.slice(0, maximumReferrers)) {
    const read = () => readBundle(registry, image, referrer, options);
    const bundle = await unlessDamaged(found, `referrer ${referrer.digest}`, read);
    if (bundle === undefined || isTooLong([bundle])) continue;
    found.bundles.push(bundle);
    if (isFull(found)) {
      found.bundles.pop();
      return;
    }
  }
}

/** A registry that lists referrers tells their type; the tag that clients keep is not reliable in that (cosign 3.1). */
async function findReferrers(
  registry: ImageRegistry,
  image: SignedImage,
  found: ImageSignatures,
  options: Waiting,
): Promise<Descriptor[]> {
  const listed = await registry.listReferrers(image, image.digest, options);
  if (listed !== undefined) {
    return listed.filter(({ artifactType }) => artifactType !== undefined && bundleMediaTypes.includes(artifactType));
  }
  const tag = `sha256-${digestHex(image.digest)}`;
  const index = await unlessDamaged(found, tag, () => readTag(registry, image, tag, options));
  return index !== undefined && isImageIndex(index) ? index.manifests : [];
}

/** The bundle that a manifest holds; undefined where it holds something else, or a bundle that signs no image. */
async function readBundle(
  registry: ImageRegistry,
  image: SignedImage,
  referrer: Descriptor,
  options: Waiting,
): Promise<string | undefined> {
  const manifest = parseManifest(await registry.readManifest({ ...image, digest: referrer.digest }, options));
  if (isImageIndex(manifest) || manifest.subject?.digest !== image.digest) return undefined;
  if ((manifest.annotations[annotations.predicateType] ?? signaturePredicateType) !== signaturePredicateType)
    return undefined;
  const [layer, ...others] = manifest.layers;
  if (layer === undefined || others.length > 0 || !bundleMediaTypes.includes(layer.mediaType)) return undefined;
  if (layer.size > maximumTextSize) return undefined;
  return (await readBlob(registry, image, layer, options)).toString('utf8');
}

async function readTag(
  registry: ImageRegistry,
  { registry: host, repository }: SignedImage,
  tag: string,
  options: Waiting,
): Promise<Manifest | ImageIndex | undefined> {
  try {
    return parseManifest(await registry.readManifest({ registry: host, repository, tag }, options));
  } catch (error) {
    if (error instanceof OciError && error.code === 'IMAGE_NOT_FOUND') return undefined;
    throw error;
  }
}

async function readBlob(
  registry: ImageRegistry,
  image: SignedImage,
  descriptor: Descriptor,
  options: Waiting,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await registry.openBlob(image, descriptor, options)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Undefined where what is read is damaged, which is remembered; a registry that does not answer is not passed over. */
async function unlessDamaged<T>(found: ImageSignatures, what: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof OciError) || !damageCodes.includes(error.code)) throw error;
    const reason = `${what}: ${error.message}`.slice(0, maximumReasonSize);
    const damaged = [...(found.damaged ?? []), reason];
    if (damaged.length <= maximumReasons && fits({ ...found, damaged })) found.damaged = damaged;
    return undefined;
  }
}

function isTooLong(texts: readonly string[]): boolean {
  return texts.some((text) => text.length > maximumTextSize);
}

function isFull(found: ImageSignatures): boolean {
  return found.attachments.length > maximumSignatures || found.bundles.length > maximumSignatures || !fits(found);
}
