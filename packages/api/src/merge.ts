// From the MachineConfigs that a pool selects to the one config that its hosts get.
// Order and rules: machine-config-operator pkg/controller/common/helpers.go, MergeMachineConfigs.
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import { ApiError } from './error.ts';
import { mergeIgnition, type NamedIgnition } from './ignition/merge.ts';
import { type IgnitionConfig, ignitionSchema, withoutNulls } from './ignition/schema.ts';
import { type KernelArgumentChange, kernelArgumentChange, splitKernelArgument } from './kernel-argument.ts';
import {
  type MachineConfig,
  machineConfigurationGroup,
  osImageOverriddenAnnotation,
  roleLabel,
} from './kinds/machine-config.ts';
import type { MachineConfigSpec } from './machine-config-spec.ts';
import { maxConfigBytes, validateMachineConfig } from './validate.ts';

export interface MergedConfig {
  /** `osImageURL` as the MachineConfig gives it: it may still be a tag. */
  readonly spec: MachineConfigSpec;
  /** Names of the merged MachineConfigs, in the order of the merge. */
  readonly source: readonly string[];
  /** The MachineConfig whose osImageURL won. */
  readonly osImageFrom: string | undefined;
  /** The one whose baseOSExtensionsContainerImage won. */
  readonly extensionsImageFrom: string | undefined;
  /** Names of the ClusterImagePolicies in it. */
  readonly imagePolicies?: readonly string[];
}

/**
 * Merges in the reference's order: role `worker` first, then the others, each by name in byte order, so that a custom
 * pool's config beats a worker config of any name. Throws CONFIG_INVALID, KERNEL_TYPE_CONFLICT; the message names
 * the MachineConfig and the field.
 */
export function mergeMachineConfigs(configs: readonly MachineConfig[]): MergedConfig {
  const ordered = mergeOrder(configs);
  for (const config of ordered) requireValid(config);
  const spec: MachineConfigSpec = {};
  const kernelArguments: string[] = [];
  const extensions: string[] = [];
  const ignition: NamedIgnition[] = [];
  let osImageFrom: string | undefined;
  let extensionsImageFrom: string | undefined;
  for (const config of ordered) {
    const next = config.spec;
    if (next.osImageURL) {
      spec.osImageURL = next.osImageURL;
      osImageFrom = nameOf(config);
    }
    if (next.baseOSExtensionsContainerImage) {
      spec.baseOSExtensionsContainerImage = next.baseOSExtensionsContainerImage;
      extensionsImageFrom = nameOf(config);
    }
    if (next.fips) spec.fips = true;
    for (const argument of next.kernelArguments ?? []) kernelArguments.push(...splitKernelArgument(argument));
    extensions.push(...(next.extensions ?? []));
    const parsed = parseIgnition(next.config);
    if (parsed) ignition.push({ name: nameOf(config), config: parsed });
  }
  const kernelType = mergeKernelType(ordered);
  if (kernelType) spec.kernelType = kernelType;
  if (kernelArguments.length > 0) spec.kernelArguments = kernelArguments;
  if (extensions.length > 0) spec.extensions = extensions;
  if (ignition.length > 0) spec.config = mergeSections(ignition);
  return { spec, source: ordered.map(nameOf), osImageFrom, extensionsImageFrom };
}

/** By digest. */
export type ResolvedImages = Pick<MachineConfigSpec, 'osImageURL' | 'baseOSExtensionsContainerImage'>;

export interface PoolIdentity {
  readonly name: string;
  readonly uid: string;
}

/**
 * The rendered config of a pool: named by its content, owned by the pool. `images` take the place of those of the merge.
 * Throws CONFIG_TOO_LARGE.
 */
export function renderMachineConfig(
  pool: PoolIdentity,
  merged: MergedConfig,
  { osImageURL, baseOSExtensionsContainerImage }: ResolvedImages,
): MachineConfig {
  const { osImageURL: _os, baseOSExtensionsContainerImage: _extensions, ...rest } = merged.spec;
  const spec: MachineConfigSpec = {
    ...rest,
    ...(osImageURL ? { osImageURL } : {}),
    ...(baseOSExtensionsContainerImage ? { baseOSExtensionsContainerImage } : {}),
  };
  const text = canonicalJson(spec);
  const size = Buffer.byteLength(text);
  if (size > maxConfigBytes) {
    throw new ApiError(
      'CONFIG_TOO_LARGE',
      `the rendered config of pool ${pool.name} is ${size} bytes, more than ${maxConfigBytes}: put large files into the image`,
    );
  }
  const apiVersion = `${machineConfigurationGroup}/v1`;
  return {
    apiVersion,
    kind: 'MachineConfig',
    metadata: {
      name: `rendered-${pool.name}-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`,
      annotations: { [osImageOverriddenAnnotation]: String(merged.osImageFrom !== undefined) },
      ownerReferences: [
        {
          apiVersion,
          kind: 'MachineConfigPool',
          name: pool.name,
          uid: pool.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec,
  };
}

/** The Ignition section of a MachineConfig that has been validated; undefined when it is absent or empty. */
export function parseIgnition(config: MachineConfigSpec['config']): IgnitionConfig | undefined {
  if (!config || Object.keys(config).length === 0) return undefined;
  const parsed = ignitionSchema.safeParse(withoutNulls(config));
  if (!parsed.success)
    throw new ApiError('CONFIG_INVALID', `the Ignition section does not parse: ${parsed.error.message}`);
  return parsed.data;
}

/** What a validated config does to the kernel command line. */
export function kernelArgumentChangeOf(spec: MachineConfigSpec): KernelArgumentChange {
  return kernelArgumentChange(spec.kernelArguments, parseIgnition(spec.config)?.kernelArguments);
}

function mergeOrder(configs: readonly MachineConfig[]): MachineConfig[] {
  const isWorker = (config: MachineConfig) => config.metadata.labels?.[roleLabel] === 'worker';
  return [...configs].sort((a, b) => {
    if (isWorker(a) !== isWorker(b)) return isWorker(a) ? -1 : 1;
    return Buffer.compare(Buffer.from(nameOf(a)), Buffer.from(nameOf(b)));
  });
}

function requireValid(config: MachineConfig): void {
  const [first, ...others] = validateMachineConfig(config, undefined);
  if (!first) return;
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  throw new ApiError('CONFIG_INVALID', `MachineConfig ${nameOf(config)}: ${first.field}: ${first.message}${more}`);
}

/** The last one that is not the default; two different ones would let a name's sort order choose a kernel. */
function mergeKernelType(ordered: readonly MachineConfig[]): MachineConfigSpec['kernelType'] {
  let chosen: MachineConfig | undefined;
  for (const config of ordered) {
    const type = config.spec.kernelType;
    if (!type || type === 'default') continue;
    if (chosen && chosen.spec.kernelType !== type) {
      throw new ApiError(
        'KERNEL_TYPE_CONFLICT',
        `MachineConfig ${nameOf(chosen)} sets spec.kernelType ${chosen.spec.kernelType}, MachineConfig ${nameOf(config)} sets ${type}; a host has one kernel: remove one`,
      );
    }
    chosen = config;
  }
  return chosen?.spec.kernelType;
}

/** Two sound configs can contradict each other: one's file may be another's directory. */
function mergeSections(ignition: readonly NamedIgnition[]): MachineConfigSpec['config'] {
  const { config, pathOrigins } = mergeIgnition(ignition);
  const leaves = new Set(
    [...(config.storage?.files ?? []), ...(config.storage?.links ?? [])].map((entry) => entry.path),
  );
  for (const [path, origin] of pathOrigins) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const above = path.slice(0, slash);
      if (!leaves.has(above)) continue;
      throw new ApiError(
        'CONFIG_INVALID',
        `MachineConfig ${origin}: spec.config.storage: "${path}" lies below "${above}", which MachineConfig ${pathOrigins.get(above)} makes no directory`,
      );
    }
  }
  return config;
}

function nameOf(config: MachineConfig): string {
  return config.metadata.name ?? '';
}
