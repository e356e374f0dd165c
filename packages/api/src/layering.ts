// What a config puts on top of the image: another kernel, and packages. Pure.
import type { MachineConfigSpec } from './machine-config-spec.ts';

export type KernelType = 'default' | 'realtime' | '64k-pages';

export function kernelTypeOf({ kernelType }: Pick<MachineConfigSpec, 'kernelType'>): KernelType {
  return kernelType || 'default';
}

/** Whether the image alone is not all. */
export function isLayered(spec: Pick<MachineConfigSpec, 'kernelType' | 'extensions'>): boolean {
  return kernelTypeOf(spec) !== 'default' || (spec.extensions ?? []).length > 0;
}

/** The image that the packages come from; undefined when none are wanted or no image is named. */
export function extensionsImageOf(
  spec: Pick<MachineConfigSpec, 'kernelType' | 'extensions' | 'baseOSExtensionsContainerImage'>,
): string | undefined {
  return isLayered(spec) ? spec.baseOSExtensionsContainerImage || undefined : undefined;
}
