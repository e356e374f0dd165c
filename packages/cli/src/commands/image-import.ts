// varve image pull, import and merge: an image from where it is into an OCI layout or an OSTree repository.
import {
  type CopiedImage,
  copyImage,
  type Image,
  type ImageSource,
  openImageDestination,
  openImageSource,
  parseImageReference,
  parseImageSource,
} from '@varve/oci';
import { type ImportedImage, importImage, Repository } from '@varve/ostree';
import type { Context } from '../context.ts';
import { CliError } from '../error.ts';
import { formatBytes } from '../output.ts';
import { ProgressBar } from '../progress.ts';
import { registryOptions } from '../registry-access.ts';
import type { RegistryFlags } from '../registry-flags.ts';

export interface ImportOptions extends RegistryFlags {
  /** The repository's directory. */
  readonly repo: string;
  /** The reference under which hosts know the image; needed for one that no registry has. */
  readonly as?: string;
}

/** Copies an image to an OCI layout or a registry. */
export async function pullImage(
  from: string,
  to: string,
  flags: RegistryFlags,
  { terminal, signal }: Context,
): Promise<CopiedImage> {
  const access = () => registryOptions(flags);
  await using source = await openImageSource(parseImageSource(from), access, signal);
  await using destination = await openImageDestination(parseImageSource(to), access);
  using bar = new ProgressBar(terminal);
  return await copyImage({
    source,
    destination,
    signal,
    onProgress: (progress) => bar.update({ step: 'fetch', ...progress }),
  });
}

/** Imports an image into an OSTree repository: only what the repository has not is fetched. */
export async function importInto(
  from: string,
  options: ImportOptions,
  { terminal, signal }: Context,
): Promise<ImportedImage> {
  const repository = await Repository.open(options.repo);
  await using opened = await openImage(from, options, signal);
  using bar = new ProgressBar(terminal);
  return await importImage({
    repository,
    image: opened.image,
    openLayer: (descriptor, stop) => opened.source.openBlob(descriptor, { signal: stop }),
    openRanges: (descriptor, ranges, stop) => opened.source.openRanges(descriptor, ranges, stop),
    signal,
    onProgress: (progress) => bar.update(progress),
  });
}

/** Merges the layers of an image that the repository has all of. Nothing but the manifest and configuration is read. */
export async function mergeLayers(
  from: string,
  options: ImportOptions & { readonly branch?: string },
  { signal }: Context,
): Promise<ImportedImage> {
  const repository = await Repository.open(options.repo);
  await using opened = await openImage(from, options, signal);
  const merged = await importImage({
    repository,
    image: opened.image,
    openLayer: async ({ digest }) => {
      throw new CliError(
        'LAYER_NOT_IMPORTED',
        `${options.repo} does not have layer ${digest} of ${from}; import the image first: varve image import`,
      );
    },
    signal,
  });
  if (options.branch !== undefined) await repository.writeRef(options.branch, merged.commit);
  return merged;
}

interface OpenedImage extends AsyncDisposable {
  readonly image: Image;
  readonly source: ImageSource;
}

async function openImage(text: string, { as, ...flags }: ImportOptions, signal: AbortSignal): Promise<OpenedImage> {
  const location = parseImageSource(text);
  const reference = as === undefined ? undefined : parseImageReference(as);
  const known = reference ?? (location.transport === 'registry' ? location.reference : undefined);
  if (known === undefined) {
    throw new CliError('USAGE', `${text} is in no registry: say with --as under which reference hosts are to know it`);
  }
  const source = await openImageSource(location, () => registryOptions(flags), signal);
  const image = { ...(await source.getImage({ signal })), reference: known };
  return { image, source, [Symbol.asyncDispose]: () => source[Symbol.asyncDispose]() };
}

/** What was imported, for a person. */
export function formatImported(imported: ImportedImage): string {
  const { commit, manifestDigest, layersFetched, layersReused, bytesFetched, bytesReused } = imported;
  return [
    manifestDigest,
    `  commit:  ${commit}`,
    `  layers:  ${layersFetched} fetched, ${layersReused} reused`,
    `  bytes:   ${formatBytes(bytesFetched)} fetched, ${formatBytes(bytesReused)} of the fetched layers reused`,
  ].join('\n');
}
