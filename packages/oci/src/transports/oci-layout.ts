// https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
import * as z from 'zod';
import { type Digest, digestHex } from '../digest.ts';
import { OciError } from '../error.ts';
import { type Descriptor, type ImageIndex, isImageIndex, maximumManifestSize, parseManifest } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import { verifyContent } from '../verify.ts';
import type { LayoutFiles } from './files.ts';
import { type Layout, LocalSource } from './local-source.ts';
import { parseJson, readDocument } from './read-document.ts';

export const refNameAnnotation = 'org.opencontainers.image.ref.name';
export const layoutFile = 'oci-layout';
export const indexFile = 'index.json';

const layoutSchema = z.object({ imageLayoutVersion: z.string().regex(/^1\./) });

export function layoutBlobPath(digest: Digest): string {
  return `blobs/sha256/${digestHex(digest)}`;
}

/** @throws OciError IMAGE_LAYOUT_INVALID, IMAGE_MANIFEST_INVALID, *_MISMATCH */
export async function openOciLayout(files: LayoutFiles, image: string | undefined, name: string): Promise<LocalSource> {
  const index = await readIndex(files, name);
  const descriptor = chooseImage(index, image, name);
  const blob: Layout = { name, files, document: new Uint8Array(), mediaType: undefined, pathOf: layoutBlobPath };
  const bytes = await new LocalSource(blob).openBlob(descriptor);
  if (descriptor.size > maximumManifestSize) {
    throw new OciError('IMAGE_MANIFEST_INVALID', `${name} has a manifest of ${descriptor.size} bytes; write it again`);
  }
  const document = Buffer.concat(await Array.fromAsync(verifyContent(bytes, descriptor, name)));
  return new LocalSource({ ...blob, document, mediaType: descriptor.mediaType });
}

/** @throws OciError IMAGE_LAYOUT_INVALID, IMAGE_MANIFEST_INVALID */
export async function readIndex(files: LayoutFiles, name: string): Promise<ImageIndex> {
  const layout = layoutSchema.safeParse(parseJson(await readDocument(files, layoutFile, name), layoutFile, name));
  if (!layout.success) throw new OciError('IMAGE_LAYOUT_INVALID', `${name} has no layout of version 1; write it again`);
  const index = parseManifest(await readDocument(files, indexFile, name), mediaTypes.ociIndex);
  if (isImageIndex(index)) return index;
  throw new OciError('IMAGE_LAYOUT_INVALID', `${indexFile} of ${name} is no index; write the image again`);
}

function chooseImage(index: ImageIndex, image: string | undefined, name: string): Descriptor {
  const named = index.manifests.filter(
    ({ annotations }) => image === undefined || annotations[refNameAnnotation] === image,
  );
  const [only] = named;
  if (only !== undefined && named.length === 1) return only;
  const names = index.manifests.map(({ annotations }) => annotations[refNameAnnotation] ?? 'one without a name');
  throw new OciError(
    'IMAGE_LAYOUT_INVALID',
    `${name} names ${named.length} images of ${index.manifests.length}: ${names.slice(0, 20).join(', ') || 'it is empty'}; name one`,
  );
}
