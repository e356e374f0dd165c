// varve image chunk: rewrites an image so that hosts fetch changed files of it instead of changed layers.
import {
  type ChunkedImage,
  type ChunkProgress,
  chunkImage,
  formatImageReference,
  type ImageLocation,
  openImageDestination,
  openImageSource,
  parseImageSource,
} from '@varve/oci';
import { formatBytes, formatTable } from '../output.ts';
import { registryOptions } from '../registry-access.ts';
import type { RegistryFlags } from '../registry-flags.ts';

export interface ChunkFlags extends RegistryFlags {
  push: string;
  level?: number;
}

export interface WrittenImage extends ChunkedImage {
  /** How to name the result. */
  reference: string;
}

export async function chunk(
  text: string,
  flags: ChunkFlags,
  signal: AbortSignal,
  onProgress: (progress: ChunkProgress) => void,
): Promise<WrittenImage> {
  const target = parseImageSource(flags.push);
  const access = (): ReturnType<typeof registryOptions> => registryOptions(flags);
  await using source = await openImageSource(parseImageSource(text), access, signal);
  await using destination = await openImageDestination(target, access);
  const level = flags.level === undefined ? {} : { level: flags.level };
  const image = await chunkImage({ source, destination, signal, onProgress, ...level });
  return { reference: referenceOf(target, flags.push, image), ...image };
}

export function formatChunked({ reference, layers }: WrittenImage): string {
  const rows = layers.map(({ source, size, digest, kept }) => [
    digest.slice('sha256:'.length, 'sha256:'.length + 12),
    formatBytes(source.size),
    formatBytes(size),
    kept === undefined ? '' : `kept as it is: ${kept}`,
  ]);
  return `${formatTable(['layer', 'before', 'after', ''], rows)}\n${reference}`;
}

function referenceOf(target: ImageLocation, text: string, { digest }: ChunkedImage): string {
  if (target.transport !== 'registry') return text;
  const { registry, repository } = target.reference;
  return formatImageReference({ registry, repository, digest });
}
