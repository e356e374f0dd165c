// What is desired: the newest MachineConfigNode's signed target and the rendered config that it names, or what was
// accepted before.
import {
  digestConfig,
  type MachineConfigNode,
  type MachineConfigSpec,
  machineConfigResource,
  type TargetStatement,
} from '@varve/api';
import { isKubeError, type KubeClient } from '@varve/kube';
import { readKeyChain } from '../enroll/key-chain.ts';
import { AgentError, type AgentErrorCode } from '../error.ts';
import type { TargetGate } from '../helper/gate.ts';
import { readState, writeState } from '../state/durable-file.ts';
import type { StatePaths } from '../state/paths.ts';
import { acceptDesired, type Desired, isSpecOf, type KeptDesired, keptDesiredSchema } from './desired.ts';

export interface DesiredSource {
  /** The newest object that the watch has brought; undefined while the control plane was not reached. */
  readonly node: MachineConfigNode | undefined;
  readonly client: KubeClient | undefined;
}

export interface DesiredContext {
  readonly gate: TargetGate;
  readonly paths: Pick<StatePaths, 'desired'>;
  /** Told of an object that is passed over: a newer one is on its way, or was there before. */
  readonly onStale: (message: string) => void;
  readonly signal: AbortSignal;
}

export interface LoadedDesired {
  readonly desired: Desired | undefined;
  /** True when a newer target is known but its config could not be fetched yet. */
  readonly incomplete: boolean;
  /** Why the newest target is refused. The host goes on with the one before. */
  readonly refusal: AgentError | undefined;
}

/** Accepts the newest object durably before anything acts on it. */
export async function loadDesired(source: DesiredSource, context: DesiredContext): Promise<LoadedDesired> {
  const kept = await readState(context.paths.desired, keptDesiredSchema);
  try {
    const next = source.node && source.client && (await accept(source.node, source.client, kept, context));
    if (next === 'incomplete') return { desired: await admitKept(kept, context), incomplete: true, refusal: undefined };
    if (next) return { desired: next, incomplete: false, refusal: undefined };
    return { desired: await admitKept(kept, context), incomplete: false, refusal: undefined };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { desired: await admitUnlessRefused(kept, context), incomplete: false, refusal: error };
  }
}

const refusals: readonly AgentErrorCode[] = ['TARGET_UNSIGNED', 'TARGET_MISMATCH', 'TARGET_REPLAYED', 'KEYS_UNTRUSTED'];

/** Anything else says nothing about the target: without one the host would go back to what it runs. */
function isRefusal(error: unknown): error is AgentError {
  return error instanceof AgentError && refusals.includes(error.code);
}

/** What the object asks for; undefined when that is nothing new. */
async function accept(
  node: MachineConfigNode,
  client: KubeClient,
  kept: KeptDesired | undefined,
  context: DesiredContext,
): Promise<Desired | 'incomplete' | undefined> {
  const acceptance = acceptDesired(node, kept);
  if (acceptance.kind === 'unchanged') return undefined;
  if (acceptance.kind === 'stale') {
    context.onStale(acceptance.message);
    return undefined;
  }
  if (acceptance.kind === 'unsigned') throw unsigned(node);
  const { envelope } = acceptance;
  const statement = await checkWithNewestKeys(envelope, client, context);
  if (!statement) return 'incomplete';
  if (!isSpecOf(node, statement)) {
    context.onStale('the spec of the MachineConfigNode has changed, and is not signed yet');
    return undefined;
  }
  const spec = await specOf(statement, client, kept, context);
  if (!spec) return 'incomplete';
  const target = await context.gate.admit({ envelope, spec }, context.signal);
  const { uid = '', generation = 0 } = node.metadata;
  await writeState(context.paths.desired, { uid, generation, envelope, spec } satisfies KeptDesired);
  return { ...target, uid, generation };
}

async function admitKept(kept: KeptDesired | undefined, context: DesiredContext): Promise<Desired | undefined> {
  if (!kept) return undefined;
  const { uid, generation, envelope, spec } = kept;
  return { ...(await context.gate.admit({ envelope, spec }, context.signal)), uid, generation };
}

/** Undefined when even what was taken before is not trusted any more: its key was revoked. */
async function admitUnlessRefused(
  kept: KeptDesired | undefined,
  context: DesiredContext,
): Promise<Desired | undefined> {
  try {
    return await admitKept(kept, context);
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** A signature by a key that the host does not know may be by a newer one. Undefined while that cannot be asked. */
async function checkWithNewestKeys(
  envelope: string,
  client: KubeClient,
  { gate, signal }: DesiredContext,
): Promise<TargetStatement | undefined> {
  try {
    return await gate.check(envelope, signal);
  } catch (error) {
    if (!isRefusal(error) || error.code !== 'TARGET_UNSIGNED') throw error;
    const chain = await unlessAway(() => readKeyChain(client, signal), signal);
    if (!chain) return undefined;
    if (!(await gate.followKeys(chain, signal))) throw error;
    return await gate.check(envelope, signal);
  }
}

/** A rendered config never changes: one of the same digest is the same. */
async function specOf(
  { config, configDigest }: TargetStatement,
  client: KubeClient,
  kept: KeptDesired | undefined,
  { signal }: DesiredContext,
): Promise<MachineConfigSpec | undefined> {
  if (kept && digestConfig(kept.spec) === configDigest) return kept.spec;
  return (await unlessAway(() => client.get(machineConfigResource, config, { signal }), signal))?.spec;
}

/** Undefined while the control plane is away: that is no failure of this host. */
async function unlessAway<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    signal.throwIfAborted();
    if (isKubeError(error, 'UNREACHABLE', 'TIMEOUT', 'UNAVAILABLE', 'SERVER_ERROR', 'TOO_MANY_REQUESTS'))
      return undefined;
    throw error;
  }
}

function unsigned({ metadata, spec }: MachineConfigNode): AgentError {
  return new AgentError(
    'TARGET_UNSIGNED',
    `MachineConfigNode ${metadata.name} asks for ${spec.configVersion.desired} without a signature; look for who wrote it, and that the controllers run`,
  );
}
