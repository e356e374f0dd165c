// varve image inspect: reads an image where it is.
import { type ImageInspection, inspectImage } from '@varve/build';
import { openImageSource, parseImageSource } from '@varve/oci';
import { registryOptions } from '../registry-access.ts';
import type { RegistryFlags } from '../registry-flags.ts';

export async function inspect(text: string, flags: RegistryFlags, signal: AbortSignal): Promise<ImageInspection> {
  await using source = await openImageSource(parseImageSource(text), () => registryOptions(flags), signal);
  return await inspectImage({ source, signal });
}
