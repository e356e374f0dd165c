// Renders a pool: load actual -> load desired (select, merge, resolve) -> diff (planRender) -> apply. Any failure stands
// in the pool's RenderDegraded condition, hosts keep what they have, and the render is tried again with back-off.
import {
  canonicalJson,
  type MachineConfig,
  type MachineConfigPool,
  type MachineConfigPoolStatus,
  type MachineConfigSpec,
  type MergedConfig,
  machineConfigPoolResource,
  machineConfigResource,
  type ObjectMeta,
  type ResolvedImages,
  signaturePolicyOf,
  withImagePolicies,
} from '@varve/api';
import { type ConditionUpdate, formatTime, isKubeError, type Process, setCondition } from '@varve/kube';
import type { Digest } from '@varve/oci';
import { type Controller, type ControllerContext, nameOf, type Sources } from '../context.ts';
import { ControllerError } from '../error.ts';
import { createQueue } from '../queue.ts';
import {
  type CheckImage,
  digestOfPolicyText,
  forceImagePolicyAnnotation,
  imagesToCheck,
  isPolicyOf,
  policyOfSpec,
  requireAccepted,
} from './image-acceptance.ts';
import {
  imageFields,
  knownDigest,
  mergeForPool,
  planRender,
  type RenderPlan,
  selectConfigs,
  withDigest,
} from './plan.ts';
import type { ResolveImage } from './resolve-image.ts';

export interface RenderOptions {
  readonly resolveImage: ResolveImage;
  readonly checkImage: CheckImage;
  /** Milliseconds without a change before a render; 1 s unless given. Several objects of one `kubectl apply` are one change. */
  readonly settle?: number;
}

export function createRenderController(context: ControllerContext, options: RenderOptions): Controller {
  const { informers, logger } = context;
  const settle = createSettling(options.settle ?? 1_000);
  const render: Process = async (key, signal) => {
    const remaining = settle.remaining(key);
    if (remaining > 0) queue.addAfter(key, remaining);
    else await reconcilePool(context, options, key, signal);
  };
  // A pool mostly waits, for a registry: no number of pools whose registry hangs may keep another one waiting. Each asks
  // one question at a time, and gives up by itself.
  const queue = createQueue('render', logger, render, Number.POSITIVE_INFINITY);
  const touch = (pool: MachineConfigPool) => {
    settle.touch(nameOf(pool));
    queue.add(nameOf(pool));
  };
  informers.pools.onChange((change) => {
    if (change.type === 'updated' && !concernsRender(change.old, change.object)) return;
    touch(change.object);
  });
  informers.configs.onChange((change) => {
    for (const pool of informers.pools.list()) {
      const versions = change.type === 'updated' ? [change.object, change.old] : [change.object];
      const isTarget = pool.spec.configuration?.name === change.key;
      if (isTarget || selectConfigs(pool, versions).length > 0) touch(pool);
    }
  });
  informers.imagePolicies.onChange((change) => {
    if (change.type === 'updated' && change.old.metadata.generation === change.object.metadata.generation) return;
    for (const pool of informers.pools.list()) touch(pool);
  });
  return { run: (signal) => queue.run(signal) };
}

function concernsRender({ metadata: old }: MachineConfigPool, { metadata }: MachineConfigPool): boolean {
  const forced = ({ annotations }: ObjectMeta) => annotations?.[forceImagePolicyAnnotation];
  return old.generation !== metadata.generation || forced(old) !== forced(metadata);
}

/** Changes that come one after the other are rendered once, but a pool that never rests is not put off for ever. */
function createSettling(settle: number): { touch(key: string): void; remaining(key: string): number } {
  const changes = new Map<string, { first: number; last: number }>();
  return {
    touch(key) {
      const now = performance.now();
      changes.set(key, { first: changes.get(key)?.first ?? now, last: now });
    },
    remaining(key) {
      const change = changes.get(key);
      if (!change) return 0;
      const remaining = Math.min(change.last + settle, change.first + 5 * settle) - performance.now();
      if (remaining <= 0) changes.delete(key);
      return remaining;
    },
  };
}

async function reconcilePool(
  context: ControllerContext,
  options: RenderOptions,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const pool = context.informers.pools.get(key);
  if (!pool || pool.metadata.deletionTimestamp) return;
  const selected = selectConfigs(pool, context.informers.configs.list());
  if (selected.length === 0) {
    await report(context, key, noConfigs(), signal);
    return;
  }
  try {
    const plan = await loadDesired(context, options, pool, selected, signal);
    for (const step of plan.steps) await applyStep(context, key, plan, step.kind, step.reason, signal);
  } catch (error) {
    // Trouble with our own API server is no property of the pool.
    if (signal.aborted || isKubeError(error)) throw error;
    const { reason, message } = describeError(error);
    const changed = await report(context, key, { type: 'RenderDegraded', status: 'True', reason, message }, signal);
    if (changed) context.events.record(pool, 'Warning', 'RenderFailed', `${reason}: ${message}`);
    throw error;
  }
  await report(context, key, { type: 'RenderDegraded', status: 'False', reason: 'Rendered', message: '' }, signal);
}

async function loadDesired(
  context: ControllerContext,
  options: RenderOptions,
  pool: MachineConfigPool,
  selected: readonly MachineConfig[],
  signal: AbortSignal,
): Promise<RenderPlan> {
  const { configs } = context.informers;
  const current = mergeForPool(selected, configs.get(pool.status?.configuration?.name ?? ''));
  // Before it is written anew: a key that comes twice, say, would be lost unseen.
  await policyOfSpec(current.spec);
  const merged = withImagePolicies(current, context.informers.imagePolicies.list());
  const culprits = { osImageURL: merged.osImageFrom, baseOSExtensionsContainerImage: merged.extensionsImageFrom };
  const wanted = imageFields.flatMap((field) => merged.spec[field] || []);
  const images: ResolvedImages = {};
  for (const field of imageFields) {
    const reference = merged.spec[field];
    if (!reference) continue;
    const resolve = () => resolveOnce(context, options.resolveImage, pool, reference, wanted, signal);
    images[field] = withDigest(reference, await blaming(`${culprits[field]}: spec.${field}`, resolve));
  }
  await requireImagesAccepted(context, options.checkImage, pool, merged, images, signal);
  return planRender(pool, merged, images, (name) => configs.get(name));
}

/** Throws what the signature policy of the config says against its images. */
async function requireImagesAccepted(
  { informers }: ControllerContext,
  checkImage: CheckImage,
  pool: MachineConfigPool,
  { spec, osImageFrom, extensionsImageFrom }: MergedConfig,
  images: ResolvedImages,
  signal: AbortSignal,
): Promise<void> {
  const policy = await policyOfSpec(spec);
  if (!policy) return;
  const forced = pool.metadata.annotations?.[forceImagePolicyAnnotation];
  const before = informers.configs.get(pool.spec.configuration?.name ?? '');
  const running = new Set<string>();
  for (const { spec: host, status } of informers.states.list()) {
    const image = status?.configImage?.currentImage;
    if (host.pool.name === nameOf(pool) && image) running.add(image);
  }
  const from = { osImageURL: osImageFrom, baseOSExtensionsContainerImage: extensionsImageFrom };
  const isSamePolicy = await isPolicyOf(policy, before);
  for (const { field, image } of imagesToCheck({ spec, images, before, isSamePolicy, running: [...running], forced })) {
    const ask = () => requireAccepted(image, policy, nameOf(pool), checkImage, signal);
    await (field ? blaming(`${from[field]}: spec.${field}`, ask) : ask());
  }
}

function isInTarget({ configs }: Sources, pool: MachineConfigPool, spec: MachineConfigSpec): boolean {
  const target = configs.get(pool.spec.configuration?.name ?? '');
  return (
    target !== undefined && canonicalJson(signaturePolicyOf(target.spec)) === canonicalJson(signaturePolicyOf(spec))
  );
}

/** Says in a failure whose field it is about; the code stays. */
async function blaming<T>(field: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause) || isKubeError(cause)) throw cause;
    const message = `MachineConfig ${field}: ${cause.message}`;
    throw Object.assign(new Error(message, { cause }), { code: cause.code });
  }
}

/**
 * The recorded digest of the reference; the first time, the registry is asked and its answer recorded before use. Records
 * of references that are not among `wanted` go.
 */
async function resolveOnce(
  context: ControllerContext,
  resolveImage: ResolveImage,
  pool: MachineConfigPool,
  reference: string,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<Digest> {
  const name = nameOf(pool);
  // The cache may be older than our own last write; asking twice could give two digests for one tag.
  const latest = knownDigest(pool, reference)
    ? pool
    : await context.client.get(machineConfigPoolResource, name, { signal });
  const known = knownDigest(latest, reference);
  if (known) return known;
  const digest = await resolveImage(reference, signal);
  await updateStatus(context, name, signal, (current) => {
    const resolvedAt = formatTime(new Date());
    const others = (current.status?.resolvedImages ?? []).filter(
      (image) => image.reference !== reference && wanted.includes(image.reference),
    );
    return { ...current.status, resolvedImages: [...others, { reference, digest, resolvedAt }] };
  });
  if (!reference.includes('@')) {
    context.events.record(
      pool,
      'Normal',
      'ImageResolved',
      `${reference} is ${digest} and stays so until the reference changes`,
    );
  }
  return digest;
}

async function applyStep(
  context: ControllerContext,
  key: string,
  plan: RenderPlan,
  kind: 'CreateRendered' | 'SetConfiguration',
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const { client, events } = context;
  if (kind === 'CreateRendered') {
    await createRendered(context, plan.rendered, signal);
    return;
  }
  const pool = await client.get(machineConfigPoolResource, key, { signal });
  const next = { ...pool, spec: { ...pool.spec, configuration: plan.configuration } };
  await client.update(machineConfigPoolResource, next, { signal });
  if (pool.spec.configuration?.name !== plan.configuration.name) events.record(pool, 'Normal', 'Rendered', reason);
  const forced = forcedPolicy(context.informers, pool, plan.rendered.spec);
  if (forced !== undefined)
    events.record(pool, 'Warning', 'ImagePolicyForced', `policy ${forced} is rolled out whatever it refuses`);
}

/** The policy of a config, where somebody has forced it and `pool` has another one yet. */
function forcedPolicy(informers: Sources, pool: MachineConfigPool, spec: MachineConfigSpec): string | undefined {
  const forced = pool.metadata.annotations?.[forceImagePolicyAnnotation];
  const policy = signaturePolicyOf(spec);
  if (policy?.kind !== 'inline' || digestOfPolicyText(policy.text) !== forced) return undefined;
  return isInTarget(informers, pool, spec) ? undefined : forced;
}

/** One of that name may be there already; its name says what it must hold. */
async function createRendered(
  { client }: ControllerContext,
  rendered: MachineConfig,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.create(machineConfigResource, rendered, { signal });
  } catch (error) {
    if (!isKubeError(error, 'ALREADY_EXISTS')) throw error;
    const existing = await client.get(machineConfigResource, nameOf(rendered), { signal });
    if (canonicalJson(existing.spec) !== canonicalJson(rendered.spec)) {
      throw new ControllerError(
        'RENDERED_CONFIG_CHANGED',
        `MachineConfig ${nameOf(rendered)} does not hold what its name says: delete it, and it is made again`,
        { cause: error },
      );
    }
  }
}

function noConfigs(): ConditionUpdate {
  const message = 'no MachineConfig matches the machineConfigSelector; hosts keep what they have';
  return { type: 'RenderDegraded', status: 'False', reason: 'NoMachineConfigs', message };
}

function describeError(error: unknown): { reason: string; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'RenderFailed';
  return { reason: code, message: `${code}: ${message}`.slice(0, 8_192) };
}

/** True when the condition says something new. */
async function report(
  context: ControllerContext,
  key: string,
  condition: ConditionUpdate,
  signal: AbortSignal,
): Promise<boolean> {
  return updateStatus(context, key, signal, (pool) => {
    const before = pool.status?.conditions ?? [];
    const conditions = setCondition(before, condition);
    return conditions === before ? pool.status : { ...pool.status, conditions: [...conditions] };
  });
}

/** Reads, changes and writes; again when someone else wrote in between. */
async function updateStatus(
  { client, informers }: ControllerContext,
  key: string,
  signal: AbortSignal,
  change: (pool: MachineConfigPool) => MachineConfigPoolStatus | undefined,
): Promise<boolean> {
  const cached = informers.pools.get(key);
  if (cached && change(cached) === cached.status) return false;
  for (let attempt = 0; ; attempt++) {
    const pool = await client.get(machineConfigPoolResource, key, { signal });
    const status = change(pool);
    if (status === pool.status) return false;
    try {
      await client.updateStatus(machineConfigPoolResource, { ...pool, status }, { signal });
      return true;
    } catch (error) {
      if (!isKubeError(error, 'CONFLICT') || attempt === 4) throw error;
    }
  }
}
