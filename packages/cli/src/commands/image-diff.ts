// varve image diff: compares two images where they are.
import { diffImages, type ImageDiff } from '@varve/build';
import { openImageSource, parseImageSource } from '@varve/oci';
import { registryOptions } from '../registry-access.ts';
import type { RegistryFlags } from '../registry-flags.ts';

export async function diff(
  before: string,
  after: string,
  flags: RegistryFlags,
  signal: AbortSignal,
): Promise<ImageDiff> {
  const access = () => registryOptions(flags);
  await using old = await openImageSource(parseImageSource(before), access, signal);
  await using now = await openImageSource(parseImageSource(after), access, signal);
  return await diffImages({ before: old, after: now, signal });
}
