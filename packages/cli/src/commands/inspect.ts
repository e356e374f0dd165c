// varve image inspect: reads an image over the registry.
import { type ImageInspection, inspectImage } from '@varve/build';
import { parseImageReference, RegistryClient } from '@varve/oci';
import { registryOptions } from '../registry-access.ts';
import type { RegistryFlags } from '../registry-flags.ts';

export async function inspect(text: string, flags: RegistryFlags, signal: AbortSignal): Promise<ImageInspection> {
  const reference = parseImageReference(text);
  await using client = new RegistryClient(await registryOptions(flags));
  const image = await client.getImage(reference, { signal });
  return await inspectImage({
    image,
    openLayer: (descriptor) => client.openBlob(image.reference, descriptor, { signal }),
    signal,
  });
}
