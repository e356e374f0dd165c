// What `docker save` and `podman save` write: a configuration and uncompressed layers, and no manifest, which is made here.
// https://github.com/moby/moby/blob/master/image/spec/v1.2.md#combined-image-json--filesystem-changeset-format
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { type Digest, digestOf, parseDigest } from '../digest.ts';
import { OciError } from '../error.ts';
import { parseImageConfig } from '../image-config.ts';
import type { Descriptor } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import { formatImageReference, parseImageReference } from '../reference.ts';
import type { LayoutFiles } from './files.ts';
import { LocalSource } from './local-source.ts';
import { parseJson, readDocument } from './read-document.ts';

const manifestFile = 'manifest.json';
const pathSchema = z
  .string()
  .max(1000)
  .refine((path) => !path.split('/').includes('..') && !path.startsWith('/'), 'leads out of the archive');
const archiveSchema = z.array(
  z.object({
    Config: pathSchema,
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(pathSchema).max(4096),
  }),
);

type ArchivedImage = z.infer<typeof archiveSchema>[number];

/** @throws OciError IMAGE_LAYOUT_INVALID, IMAGE_CONFIG_INVALID */
export async function openDockerArchive(
  files: LayoutFiles,
  image: string | undefined,
  name: string,
  signal?: AbortSignal,
): Promise<LocalSource> {
  const parsed = archiveSchema.safeParse(parseJson(await readDocument(files, manifestFile, name), manifestFile, name));
  if (!parsed.success)
    throw new OciError('IMAGE_LAYOUT_INVALID', `${manifestFile} of ${name} is not valid; save the image again`);
  const chosen = chooseImage(parsed.data, image, name);
  const paths = new Map<Digest, string>();
  const configBytes = await readDocument(files, chosen.Config, name);
  paths.set(digestOf(configBytes), chosen.Config);
  const { rootfs } = parseImageConfig(configBytes);
  const layers: Descriptor[] = [];
  for (const [index, path] of chosen.Layers.entries()) {
    const layer = await describeLayer(files, path, rootfs.diff_ids[index], name, signal);
    paths.set(layer.digest, path);
    layers.push(layer);
  }
  const document = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: digestOf(configBytes), size: configBytes.length },
      layers,
    }),
  );
  return new LocalSource({
    name,
    files,
    document,
    mediaType: undefined,
    pathOf: (digest) => paths.get(digest) ?? digest,
  });
}

function chooseImage(images: readonly ArchivedImage[], image: string | undefined, name: string): ArchivedImage {
  const wanted =
    image === undefined || image.startsWith('@') ? image : formatImageReference(parseImageReference(image));
  const named = images.filter(({ RepoTags }, index) => {
    if (wanted === undefined || wanted === `@${index}`) return true;
    return RepoTags?.some((tag) => formatImageReference(parseImageReference(tag)) === wanted) ?? false;
  });
  const [only] = named;
  if (only !== undefined && named.length === 1) return only;
  const tags = images.flatMap(({ RepoTags }) => RepoTags ?? []);
  throw new OciError(
    'IMAGE_LAYOUT_INVALID',
    `${name} names ${named.length} images of ${images.length}: ${tags.slice(0, 20).join(', ') || 'none has a name'}; name one`,
  );
}

/** A plain layer has its diff-id as digest; a compressed one is read for it. */
async function describeLayer(
  files: LayoutFiles,
  path: string,
  diffId: Digest | undefined,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  const size = await files.size(path);
  if (size === undefined || diffId === undefined) {
    throw new OciError('IMAGE_LAYOUT_INVALID', `${name} has no layer ${path}; save the image again`);
  }
  const head = Buffer.concat(await Array.fromAsync(files.read(path, { offset: 0, length: Math.min(size, 4) })));
  const isGzip = head.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]));
  if (!isGzip) return { mediaType: mediaTypes.ociLayer, digest: diffId, size };
  const hash = createHash('sha256');
  for await (const chunk of files.read(path, { offset: 0, length: size })) {
    signal?.throwIfAborted();
    hash.update(chunk);
  }
  return { mediaType: mediaTypes.ociLayerGzip, digest: parseDigest(`sha256:${hash.digest('hex')}`), size };
}
