// Empties hosts that have a slot before they are approved, and gives them back to their workloads when they are healthy
// again. It may be killed between any two writes: all that it knows stands on the two objects of a host.
import {
  cordonedAnnotation,
  type MachineConfigNode,
  type MachineConfigPool,
  machineConfigNodeResource,
  type Node,
  nodeResource,
} from '@varve/api';
import { isKubeError } from '@varve/kube';
import { type Controller, type ControllerContext, nameOf } from '../context.ts';
import { createQueue } from '../queue.ts';
import { type Standing, standingOf } from '../rollout/member.ts';
import { type CordonStep, planCordon, wantsCordon, wantsDrain } from './cordon.ts';
import { evictAll } from './evict-all.ts';
import { type DrainPlan, planDrain } from './plan.ts';
import { type DrainRecord, withRecord } from './record.ts';
import type { WorkloadSource } from './workloads.ts';

/** Hosts that are drained at once. */
const concurrency = 8;
/** Milliseconds between two looks at the pods of a host that is being drained. */
const pollInterval = 5_000;
/** Milliseconds until a drain that was blocked is looked at again, and until one that timed out is tried again. */
const recheckInterval = 60_000;
const retryInterval = 10 * 60_000;

export interface DrainTimes {
  readonly poll?: number;
  readonly recheck?: number;
  readonly retry?: number;
}

interface Host {
  readonly node: Node;
  readonly state: MachineConfigNode | undefined;
  readonly pool: MachineConfigPool | undefined;
  readonly standing: Standing | undefined;
}

export function createDrainController(
  context: ControllerContext,
  workloads: WorkloadSource,
  times: DrainTimes = {},
): Controller {
  const queue = createQueue(
    'drain',
    context.logger,
    async (key, signal) => {
      const again = await reconcileHost({ context, workloads, times, signal }, key);
      if (again !== undefined) queue.addAfter(key, again);
    },
    concurrency,
  );
  listen(context, (node) => queue.add(node));
  return { run: (signal) => queue.run(signal) };
}

function listen({ informers }: ControllerContext, add: (node: string) => void): void {
  informers.nodes.onChange(({ key }) => add(key));
  informers.states.onChange(({ key }) => add(key));
  informers.pools.onChange((change) => {
    // A pool's status changes with every host.
    if (change.type === 'updated' && change.old.metadata.generation === change.object.metadata.generation) return;
    for (const state of informers.states.list()) if (state.spec.pool.name === change.key) add(nameOf(state));
  });
}

interface Pass {
  readonly context: ControllerContext;
  readonly workloads: WorkloadSource;
  readonly times: DrainTimes;
  readonly signal: AbortSignal;
}

/** Milliseconds until the host is to be looked at again; undefined when a change will tell. */
async function reconcileHost(pass: Pass, name: string): Promise<number | undefined> {
  const { informers } = pass.context;
  const node = informers.nodes.get(name);
  if (!node) return undefined;
  const state = informers.states.get(name);
  const pool = informers.pools.get(state?.spec.pool.name ?? '');
  const standing = state && standingOf({ name, node, state }, undefined);
  const host: Host = { node, state, pool, standing };
  const draining = standing !== undefined && wantsDrain(standing, pool);
  if (draining) return await drain(pass, host);
  if (!standing || !wantsCordon(standing, pool))
    await applyCordon(pass, host, planCordon(node, false, new Date()), 'uncordoned');
  return standing?.drain && !standing.draining ? await reexamine(pass, host, standing.drain) : undefined;
}

async function drain(pass: Pass, host: Host): Promise<number | undefined> {
  const { context, workloads, times, signal } = pass;
  const { node, state, standing } = host;
  if (!state || !standing) return undefined;
  const plan = await look(pass, host, node.metadata.annotations?.[cordonedAnnotation] !== undefined);
  const { desired } = standing;
  if (plan.outcome === 'Blocked' || plan.outcome === 'TimedOut') {
    await giveBack(pass, state, recordOf(plan.outcome, desired, plan.guard));
    return undefined;
  }
  const cordon = planCordon(node, true, new Date());
  if (cordon) {
    // The next look is after the watch has brought it: no pod comes after the last look then.
    await applyCordon(pass, host, cordon, `cordoned: ${standing.name} is drained for ${desired}`);
    return undefined;
  }
  if (plan.outcome === 'Drained') {
    const { drain: since } = state.spec.update ?? {};
    const next = withUpdate(withRecord(state, undefined), { phase: 'Applied', ...(since && { drain: since }) });
    const reason =
      plan.guard === '' ? `it may apply ${desired} now` : `its time is over; it goes on although: ${plan.guard}`;
    await write(pass, next, [plan.guard === '' ? 'Normal' : 'Warning', 'Drained', reason]);
    return undefined;
  }
  const refusals = await evictAll(workloads, plan.evict, signal);
  const guard = refusals === '' ? plan.guard : refusals;
  if (standing.drain?.state !== 'Draining' || standing.drain.guard !== guard) {
    const next = withRecord(state, recordOf('Draining', desired, guard));
    await write(pass, next, ['Normal', 'Draining', guard]);
  }
  context.logger.debug({ node: standing.name, guard }, 'pods are leaving');
  return times.poll ?? pollInterval;
}

async function look(pass: Pass, { node, state, pool, standing }: Host, begun: boolean): Promise<DrainPlan> {
  const { pods, budgets } = await pass.workloads.on(nameOf(node), pass.signal);
  return planDrain({
    pods,
    budgets,
    policy: pool?.spec.drainPolicy ?? {},
    since: new Date(state?.spec.update?.drain?.since ?? Date.now()),
    now: new Date(),
    begun,
    ready: standing?.ready ?? false,
  });
}

/** A host without a slot whose drain was given up: it may be a candidate again. */
async function reexamine(pass: Pass, host: Host, record: DrainRecord): Promise<number | undefined> {
  const { state } = host;
  const { times } = pass;
  if (!state || (record.state !== 'Blocked' && record.state !== 'TimedOut')) return undefined;
  const age = Date.now() - Date.parse(record.since);
  if (record.state === 'TimedOut') {
    const left = (times.retry ?? retryInterval) - age;
    if (left > 0) return left;
    await write(pass, withRecord(state, recordOf('Again', record.config, record.guard)));
    return undefined;
  }
  const plan = await look(pass, host, false);
  if (plan.outcome !== 'Blocked') {
    await write(pass, withRecord(state, undefined), [
      'Normal',
      'DrainUnblocked',
      'nothing would block its drain any more',
    ]);
    return undefined;
  }
  if (plan.guard !== record.guard) await write(pass, withRecord(state, { ...record, guard: plan.guard }));
  return times.recheck ?? recheckInterval;
}

async function giveBack(pass: Pass, state: MachineConfigNode, record: DrainRecord): Promise<void> {
  const reason = record.state === 'Blocked' ? 'DrainBlocked' : 'DrainTimedOut';
  await write(pass, withUpdate(withRecord(state, record), { phase: 'Staged' }), ['Warning', reason, record.guard]);
}

function withUpdate(state: MachineConfigNode, update: MachineConfigNode['spec']['update']): MachineConfigNode {
  return { ...state, spec: { ...state.spec, update } };
}

function recordOf(state: DrainRecord['state'], config: string, guard: string): DrainRecord {
  return { state, config, guard, since: new Date().toISOString() };
}

/** With the resourceVersion that was looked at: a new target that came meanwhile is not written over. */
async function write(
  { context, signal }: Pass,
  state: MachineConfigNode,
  event?: readonly [type: 'Normal' | 'Warning', reason: string, message: string],
): Promise<void> {
  const written = await context.client.update(machineConfigNodeResource, context.targets.sign(state), { signal });
  if (event) context.events.record(written, ...event);
}

/** With the resourceVersion that was looked at: a human's cordon that came meanwhile does not become ours. */
async function applyCordon(
  { context, signal }: Pass,
  { node, state }: Host,
  step: CordonStep | undefined,
  message: string,
): Promise<void> {
  if (!step) return;
  try {
    await context.client.update(nodeResource, step.node, { signal });
  } catch (error) {
    if (isKubeError(error, 'NOT_FOUND')) return;
    throw error;
  }
  context.events.record(state ?? node, 'Normal', step.kind, message);
}
