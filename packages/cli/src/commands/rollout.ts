// varve rollout status: follows a pool until every host is on target, and says what each host does meanwhile.
import {
  clusterImagePolicyResource,
  type MachineConfigNode,
  type MachineConfigPool,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
} from '@varve/api';
import { isTargetCurrent } from '@varve/controllers';
import { Informer, isConditionTrue, type KubeClient } from '@varve/kube';
import { CliError } from '../error.ts';
import { formatBytes } from '../output.ts';

export interface NodeLine {
  readonly node: string;
  readonly step: string;
  readonly desired: string;
  readonly current: string | null;
  readonly message: string;
}

export interface RolloutStatus {
  readonly pool: string;
  readonly target: string | null;
  readonly updated: boolean;
  readonly machineCount: number;
  readonly updatedMachineCount: number;
  readonly problems: string[];
  readonly nodes: NodeLine[];
}

/** One pool and its nodes, boiled down to what a person asks during a rollout. Pure. */
export function summarize(pool: MachineConfigPool, nodes: readonly MachineConfigNode[]): RolloutStatus {
  const own = nodes
    .filter((node) => node.spec.pool.name === pool.metadata.name)
    .sort((a, b) => (a.metadata.name ?? '').localeCompare(b.metadata.name ?? '', 'en', { numeric: true }));
  const target = pool.spec.configuration?.name ?? null;
  const problems = (pool.status?.conditions ?? [])
    .filter((condition) => condition.status === 'True' && /Degraded$/.test(condition.type) && condition.message !== '')
    .map((condition) => `${condition.type}: ${condition.message}`);
  const observed = (pool.status?.observedGeneration ?? 0) >= (pool.metadata.generation ?? 0);
  return {
    pool: pool.metadata.name ?? '',
    target,
    updated:
      observed && isConditionTrue(pool.status?.conditions, 'Updated') && pool.status?.configuration?.name === target,
    machineCount: pool.status?.machineCount ?? own.length,
    updatedMachineCount: pool.status?.updatedMachineCount ?? 0,
    problems: [...new Set(problems)],
    nodes: own.map(lineOf),
  };
}

function lineOf(node: MachineConfigNode): NodeLine {
  const update = node.status?.update;
  const progress = update?.progress;
  const bytes =
    progress === undefined || update?.step !== 'Staging'
      ? ''
      : `${formatBytes(progress.bytesDone)} of ${formatBytes(progress.bytesTotal)}`;
  const failure = isConditionTrue(node.status?.conditions, 'NodeDegraded') ? update?.lastFailure : undefined;
  return {
    node: node.metadata.name ?? '',
    step: update?.step ?? 'Unknown',
    desired: node.spec.configVersion.desired,
    current: node.status?.configVersion?.current ?? null,
    message:
      failure === undefined
        ? [update?.message, bytes].filter((part) => part).join(', ')
        : `${failure.code}: ${failure.message}`,
  };
}

/** The lines of `after` that say something new beside `before`: what moved on the way to the target. */
export function changesBetween(before: RolloutStatus | undefined, after: RolloutStatus): string[] {
  const lines: string[] = [];
  if (after.target !== null && before?.target !== after.target) lines.push(`target: ${after.target}`);
  for (const problem of after.problems) {
    if (!before?.problems.includes(problem)) lines.push(problem);
  }
  for (const node of after.nodes) {
    const old = before?.nodes.find((candidate) => candidate.node === node.node);
    const text = `${node.node}  ${node.step}${node.message === '' ? '' : `  ${node.message}`}`;
    if (old?.step !== node.step || (node.step !== 'Staging' && old.message !== node.message)) lines.push(text);
  }
  if (before !== undefined && before.updatedMachineCount !== after.updatedMachineCount) {
    lines.push(`${after.updatedMachineCount} of ${after.machineCount} hosts updated`);
  }
  return lines;
}

export interface WatchRolloutOptions {
  readonly signal: AbortSignal;
  /** Milliseconds. */
  readonly timeout: number;
  onChange(line: string, status: RolloutStatus): void;
}

/** The state right now. NOT_FOUND (the API server's) when there is no such pool. */
export async function rolloutStatus(client: KubeClient, pool: string, signal: AbortSignal): Promise<RolloutStatus> {
  const object = await client.get(machineConfigPoolResource, pool, { signal });
  const nodes = await client.list(machineConfigNodeResource, { signal });
  return summarize(object, nodes.items);
}

/** How long a change of MachineConfigs may take to become the pool's target; after it the pool is taken at its word. */
const settleMilliseconds = 10_000;

/** Follows the pool until it is updated. ROLLOUT_TIMEOUT names the hosts that are not. */
export async function watchRollout(
  client: KubeClient,
  pool: string,
  options: WatchRolloutOptions,
): Promise<RolloutStatus> {
  let status = await rolloutStatus(client, pool, options.signal);
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), options.timeout);
  const signal = AbortSignal.any([options.signal, stop.signal]);
  try {
    const pools = new Informer(client, machineConfigPoolResource, { fieldSelector: `metadata.name=${pool}` });
    const nodes = new Informer(client, machineConfigNodeResource, {});
    const configs = new Informer(client, machineConfigResource, {});
    const policies = new Informer(client, clusterImagePolicyResource, {});
    const settledBy = performance.now() + settleMilliseconds;
    let shown: RolloutStatus | undefined;
    const look = (): boolean => {
      const object = pools.list()[0];
      if (object !== undefined) status = summarize(object, nodes.list());
      for (const line of changesBetween(shown, status)) options.onChange(line, status);
      shown = status;
      const isSettled =
        performance.now() >= settledBy ||
        (object !== undefined && isTargetCurrent(object, configs.list(), policies.list()));
      return status.updated && isSettled;
    };
    await untilDone([pools, nodes, configs, policies], look, settleMilliseconds, signal);
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
  options.signal.throwIfAborted();
  if (status.updated) return status;
  const missing = status.nodes.filter((node) => node.current !== status.target).map((node) => node.node);
  throw new CliError(
    'ROLLOUT_TIMEOUT',
    `pool ${pool} is not updated after ${options.timeout / 1000} s; not on target: ${missing.join(', ') || 'none'}; ask varve why ${missing[0] ?? 'NODE'}`,
  );
}

type Source = Pick<Informer<never>, 'start' | 'synced'> & { onChange(listener: () => void): unknown };

/** Looks again after every change, and after a pause in milliseconds, until `look` is satisfied or `signal` aborts. */
async function untilDone(
  sources: readonly Source[],
  look: () => boolean,
  pause: number,
  signal: AbortSignal,
): Promise<void> {
  await new Promise<void>((done) => {
    if (signal.aborted) return done();
    signal.addEventListener('abort', () => done(), { once: true });
    let ready = false;
    const check = (): void => {
      if (ready && look()) done();
    };
    const timer = setTimeout(check, pause);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    for (const source of sources) {
      source.onChange(check);
      void source.start(signal);
    }
    void Promise.all(sources.map((source) => source.synced())).then(() => {
      ready = true;
      check();
    }, done);
  });
}
