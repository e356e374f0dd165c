// What the render controller does for one pool: a pure function of the pool, its MachineConfigs and the digest that the
// image was resolved to.
import {
  type ClusterImagePolicy,
  clusterImagePolicyResource,
  diffConfigs,
  isRendered,
  type MachineConfig,
  type MachineConfigPool,
  type MachineConfigPoolSpec,
  type MergedConfig,
  mergeMachineConfigs,
  type ResolvedImages,
  renderMachineConfig,
  withImagePolicies,
} from '@varve/api';
import { matchesSelector } from '@varve/kube';
import { type Digest, formatImageReference, isDigest, parseImageReference } from '@varve/oci';
import { ControllerError } from '../error.ts';

export interface RenderStep {
  /** In this order; killed between two, the next run finds what is missing. */
  readonly kind: 'CreateRendered' | 'SetConfiguration';
  readonly reason: string;
}

export interface RenderPlan {
  readonly rendered: MachineConfig;
  readonly configuration: NonNullable<MachineConfigPoolSpec['configuration']>;
  readonly steps: readonly RenderStep[];
}

/** The MachineConfigs that the pool selects; rendered ones are results and never inputs. */
export function selectConfigs(pool: MachineConfigPool, configs: readonly MachineConfig[]): MachineConfig[] {
  return configs.filter(
    (config) =>
      !isRendered(config) &&
      !config.metadata.deletionTimestamp &&
      matchesSelector(config.metadata.labels, pool.spec.machineConfigSelector),
  );
}

/**
 * The merge, refused as a whole when no host could follow it. `current` is the config that the pool's hosts have.
 * Throws ApiError, or ControllerError CONFIG_UNRECONCILABLE.
 */
export function mergeForPool(selected: readonly MachineConfig[], current: MachineConfig | undefined): MergedConfig {
  const merged = mergeMachineConfigs(selected);
  const refused = diffConfigs(current?.spec, merged.spec).find((step) => step.action === 'Refuse');
  if (refused) {
    const culprit = selected.find((config) =>
      diffConfigs(undefined, config.spec).some((step) => step.action === 'Refuse'),
    );
    const name = culprit?.metadata.name ?? selected.find((config) => config.spec.fips)?.metadata.name;
    const where = name ? `MachineConfig ${name}: ` : '';
    throw new ControllerError('CONFIG_UNRECONCILABLE', `${where}${fieldOf(refused.kind)}: ${refused.reason}`);
  }
  return merged;
}

function fieldOf(kind: string): string {
  if (kind === 'KernelType') return 'spec.kernelType';
  return kind === 'Extension' ? 'spec.extensions' : 'spec.fips';
}

/** The digest that a reference names by itself, or that was recorded for it. */
export function knownDigest(pool: MachineConfigPool, reference: string): Digest | undefined {
  const recorded = pool.status?.resolvedImages?.find((image) => image.reference === reference)?.digest;
  return recorded !== undefined && isDigest(recorded) ? recorded : undefined;
}

/** `registry/repository@digest`: no tag ever reaches a host. */
export function withDigest(reference: string, digest: Digest): string {
  const { registry, repository } = parseImageReference(reference);
  return formatImageReference({ registry, repository, digest });
}

/** Fields of a spec that name an image; each tag is resolved to a digest once. */
export const imageFields = ['osImageURL', 'baseOSExtensionsContainerImage'] as const;

/** The images of a merge by digest; undefined when one of them is not known. */
function mapImages(
  { spec }: MergedConfig,
  digestOf: (reference: string) => Digest | undefined,
): ResolvedImages | undefined {
  const images: ResolvedImages = {};
  for (const field of imageFields) {
    const reference = spec[field];
    if (!reference) continue;
    const digest = digestOf(reference);
    if (!digest) return undefined;
    images[field] = withDigest(reference, digest);
  }
  return images;
}

/**
 * Whether the pool's target is what its MachineConfigs say now: false until the controller has rendered a change, and while
 * it cannot.
 */
export function isTargetCurrent(
  pool: MachineConfigPool,
  configs: readonly MachineConfig[],
  policies: readonly ClusterImagePolicy[],
): boolean {
  const selected = selectConfigs(pool, configs);
  if (selected.length === 0) return true;
  try {
    const merged = withImagePolicies(mergeMachineConfigs(selected), policies);
    const images = mapImages(merged, (reference) => knownDigest(pool, reference));
    if (!images) return false;
    const plan = planRender(pool, merged, images, () => undefined);
    return plan.rendered.metadata.name === pool.spec.configuration?.name;
  } catch {
    return false;
  }
}

/** Throws ApiError CONFIG_TOO_LARGE. */
export function planRender(
  pool: MachineConfigPool,
  merged: MergedConfig,
  images: ResolvedImages,
  existing: (name: string) => MachineConfig | undefined,
): RenderPlan {
  const { name = '', uid = '' } = pool.metadata;
  const rendered = renderMachineConfig({ name, uid }, merged, images);
  const renderedName = rendered.metadata.name ?? '';
  const { group, version, kind } = clusterImagePolicyResource;
  const source = [
    ...merged.source.map((one) => ({ apiVersion: rendered.apiVersion, kind: 'MachineConfig', name: one })),
    ...(merged.imagePolicies ?? []).map((one) => ({ apiVersion: `${group}/${version}`, kind, name: one })),
  ];
  const steps: RenderStep[] = [];
  if (!existing(renderedName)) steps.push({ kind: 'CreateRendered', reason: `${renderedName} does not exist yet` });
  const before = pool.spec.configuration;
  if (before?.name !== renderedName) {
    steps.push({
      kind: 'SetConfiguration',
      reason: `the target changes from ${before?.name ?? 'nothing'} to ${renderedName}`,
    });
  } else if (before.source?.map(nameInSource).join() !== source.map(nameInSource).join()) {
    steps.push({ kind: 'SetConfiguration', reason: 'other MachineConfigs give the same content' });
  }
  return { rendered, configuration: { name: renderedName, source }, steps };
}

function nameInSource({ kind, name }: { kind?: string | undefined; name: string }): string {
  return kind === clusterImagePolicyResource.kind ? `${kind}/${name}` : name;
}
