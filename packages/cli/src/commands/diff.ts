// varve image diff: reads two images over the registry.
import { diffImages, type ImageDiff, type ImageSource } from '@varve/build';
import { parseImageReference, RegistryClient } from '@varve/oci';
import { registryOptions } from '../registry-access.ts';
import type { RegistryFlags } from '../registry-flags.ts';

export async function diff(
  before: string,
  after: string,
  flags: RegistryFlags,
  signal: AbortSignal,
): Promise<ImageDiff> {
  await using client = new RegistryClient(await registryOptions(flags));
  const open = async (text: string): Promise<ImageSource> => {
    const image = await client.getImage(parseImageReference(text), { signal });
    return {
      image,
      openLayer: (descriptor) => client.openBlob(image.reference, descriptor, { signal }),
      openRanges: (descriptor, ranges, stop) =>
        client.openRanges(image.reference, descriptor, ranges, stop === undefined ? {} : { signal: stop }),
    };
  };
  return await diffImages({ before: await open(before), after: await open(after), signal });
}
