// Rolls a pool's hosts onto its rendered config. load actual -> load desired -> diff (planRollout) -> apply.
// It may be killed between any two writes: each write is safe alone, and the next plan starts from what is there.
import {
  canonicalJson,
  disruptionPolicyOf,
  type MachineConfigNode,
  type MachineConfigPool,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigurationName,
} from '@varve/api';
import { isKubeError } from '@varve/kube';
import { type Controller, type ControllerContext, nameOf } from '../context.ts';
import { updateNeedsDrain } from '../drain/need.ts';
import { withRecord } from '../drain/record.ts';
import { OwnWrites } from '../own-writes.ts';
import { createQueue } from '../queue.ts';
import { recordProgress } from './events.ts';
import type { Member, Target } from './member.ts';
import { planRollout, type RolloutPlan, type RolloutStep } from './plan.ts';
import { poolStatus } from './status.ts';

/** Milliseconds: changes of a moment are planned together. */
const coalesce = 50;

export function createRolloutController(context: ControllerContext): Controller {
  const { logger } = context;
  const ownWrites = new OwnWrites();
  const queue = createQueue('rollout', logger, async (key, signal) => {
    // Slots of all pools wait for the watch: a host may just have moved from one pool to another.
    if (await waitsForWatch(context, ownWrites, signal)) queue.addAfter(key, coalesce);
    else await reconcilePool(context, ownWrites, key, signal);
  });
  listen(context, (pool) => queue.addAfter(pool, coalesce));
  return { run: (signal) => queue.run(signal) };
}

/** Milliseconds after which a write that the watch has not brought is looked for on the server. */
const watchPatience = 5_000;

/** True while the last writes are on their way back. A stuck watch holds the rollout; a server that lost them does not. */
async function waitsForWatch(
  { client, informers }: ControllerContext,
  ownWrites: OwnWrites,
  signal: AbortSignal,
): Promise<boolean> {
  if (ownWrites.areSeen((name) => informers.states.get(name))) return false;
  if (ownWrites.unseenFor() > watchPatience) {
    await ownWrites.forgetLost((name) => readIfThere(client, name, signal));
  }
  return true;
}

async function readIfThere(
  client: ControllerContext['client'],
  name: string,
  signal: AbortSignal,
): Promise<MachineConfigNode | undefined> {
  try {
    return await client.get(machineConfigNodeResource, name, { signal });
  } catch (error) {
    if (isKubeError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

function listen({ informers, events }: ControllerContext, add: (pool: string) => void): void {
  informers.pools.onChange(({ key }) => add(key));
  informers.states.onChange((change) => {
    add(change.object.spec.pool.name);
    if (change.type !== 'updated') return;
    add(change.old.spec.pool.name);
    recordProgress(events, informers.pools.get(change.object.spec.pool.name), change.old, change.object);
  });
  informers.nodes.onChange(({ key }) => {
    const pool = informers.states.get(key)?.spec.pool.name;
    if (pool) add(pool);
  });
  informers.configs.onChange(({ key }) => {
    for (const pool of informers.pools.list()) {
      if (pool.spec.configuration?.name === key) add(nameOf(pool));
    }
  });
}

async function reconcilePool(
  context: ControllerContext,
  ownWrites: OwnWrites,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const pool = context.informers.pools.get(key);
  if (!pool || pool.metadata.deletionTimestamp) return;
  const members = loadMembers(context, key);
  const target = loadTarget(context, pool);
  // The rendered config is named but not there (yet): the render controller makes it again.
  if (!target && pool.spec.configuration?.name) return;
  const plan = planRollout(pool, target, members);
  for (const step of plan.steps) await applyStep(context, ownWrites, plan, step, signal);
  await applyStatus(context, pool, plan, signal);
}

function loadMembers({ informers }: ControllerContext, pool: string): Member[] {
  return informers.states
    .list()
    .filter((state) => state.spec.pool.name === pool && !state.metadata.deletionTimestamp)
    .map((state) => ({ name: nameOf(state), node: informers.nodes.get(nameOf(state)), state }));
}

function loadTarget({ informers }: ControllerContext, pool: MachineConfigPool): Target | undefined {
  const config = informers.configs.get(pool.spec.configuration?.name ?? '');
  return config && { config: nameOf(config), image: config.spec.osImageURL || undefined };
}

/** Written with the resourceVersion that the plan saw: when the agent has reported since, the plan is made anew. */
async function applyStep(
  context: ControllerContext,
  ownWrites: OwnWrites,
  plan: RolloutPlan,
  step: RolloutStep,
  signal: AbortSignal,
): Promise<void> {
  const state = context.informers.states.get(step.node);
  const { target } = plan;
  if (!state || !target) return;
  const drain = step.kind === 'GrantSlot' && needsDrain(context, state, target) ? new Date() : undefined;
  const next = context.targets.sign(withStep(state, step, target, drain));
  const written = await context.client.update(machineConfigNodeResource, next, { signal });
  ownWrites.note(written);
  context.events.record(written, 'Normal', eventReasons[step.kind], step.reason);
}

const eventReasons = {
  Aim: 'TargetSet',
  GrantSlot: 'SlotGranted',
  Withdraw: 'SlotWithdrawn',
} satisfies Record<RolloutStep['kind'], string>;

function needsDrain({ informers }: ControllerContext, state: MachineConfigNode, target: Target): boolean {
  const next = informers.configs.get(target.config);
  const current = informers.configs.get(state.status?.configVersion?.current ?? '');
  const policy = disruptionPolicyOf(informers.configurations.get(machineConfigurationName));
  return !next || updateNeedsDrain(state, current?.spec, next.spec, policy);
}

/** `drain`: when the host was given its slot; it is approved once its workloads have left. Undefined: nothing has to leave. */
export function withStep(
  state: MachineConfigNode,
  step: RolloutStep,
  target: Target,
  drain: Date | undefined,
): MachineConfigNode {
  const { configImage: _old, ...spec } = state.spec;
  const phase = step.kind === 'GrantSlot' && !drain ? 'Applied' : 'Staged';
  return {
    // What held an earlier drain says nothing about this one.
    ...withRecord(state, undefined),
    spec: {
      ...spec,
      configVersion: { desired: target.config },
      ...(target.image !== undefined && { configImage: { desiredImage: target.image } }),
      update: {
        phase,
        ...(step.revokes && { revoked: true }),
        ...(drain && { drain: { since: drain.toISOString() } }),
      },
    },
  };
}

async function applyStatus(
  { client, informers, events }: ControllerContext,
  planned: MachineConfigPool,
  plan: RolloutPlan,
  signal: AbortSignal,
): Promise<void> {
  const pool = informers.pools.get(nameOf(planned)) ?? planned;
  const status = poolStatus(pool, plan, new Date());
  if (canonicalJson(status) === canonicalJson(pool.status)) return;
  try {
    await client.updateStatus(machineConfigPoolResource, { ...pool, status }, { signal });
  } catch (error) {
    if (isKubeError(error, 'NOT_FOUND')) return;
    throw error;
  }
  const before = pool.status?.configuration?.name;
  const now = status.configuration?.name;
  if (now && now !== before) events.record(pool, 'Normal', 'RolloutComplete', `every host of the pool is on ${now}`);
}
