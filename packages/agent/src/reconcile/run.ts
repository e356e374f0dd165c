// The loop: load actual, load desired, diff, apply; then wait for the watch, or for the next try of what failed.
import {
  type MachineConfigNode,
  type Node,
  nodeResource,
  type ObjectMeta,
  signedTargetAnnotation,
  type UpdateStep,
} from '@varve/api';
import type { KubeClient } from '@varve/kube';
import type { Logger } from 'pino';
import { RepairBreaker } from '../drift/breaker.ts';
import { repairablePaths } from '../drift/policy.ts';
import type { HostDriver } from '../driver/driver.ts';
import { HealthError } from '../health/failed-target.ts';
import { currentProbation, fallenTarget } from '../health/probation.ts';
import type { CheckResult } from '../health/result.ts';
import type { TargetGate } from '../helper/gate.ts';
import { type Failure, failureOf, failureOfTarget } from '../report/failure.ts';
import { type NodeReporter, readNodeInfo } from '../report/node.ts';
import type { StatusReporter } from '../report/reporter.ts';
import { waitFor } from '../report/signal.ts';
import type { View } from '../report/view.ts';
import { retryDelayOf } from '../retry-delay.ts';
import type { StatePaths } from '../state/paths.ts';
import { applyStep, updateStepOf } from './apply.ts';
import type { Desired } from './desired.ts';
import { type Actual, diff, failedTarget, isOnTarget, type Step } from './diff.ts';
import { loadActual, withLiveActions } from './load-actual.ts';
import { loadDesired } from './load-desired.ts';

export interface ReconcilerOptions {
  readonly driver: HostDriver;
  readonly gate: TargetGate;
  readonly paths: StatePaths;
  readonly status: StatusReporter;
  readonly node: NodeReporter;
  readonly logger: Logger;
  readonly onFailure: (failure: Failure) => void;
  /** A health check that is not required failed. */
  readonly onWarning: (check: CheckResult) => void;
  /** Paths were put back. */
  readonly onRepair: (paths: readonly string[]) => void;
}

type Outcome = 'reboot' | 'idle' | 'incomplete';

/** What changed without a word is found then: a look starts the helper. */
const idleMilliseconds = 60 * 60_000;
const incompleteMilliseconds = 2_000;
const readNodeMilliseconds = 10_000;
/** How long a reboot waits for the server to be told. */
const farewellMilliseconds = 2_000;

export class Reconciler {
  readonly #options: ReconcilerOptions;
  #node: MachineConfigNode | undefined;
  #client: KubeClient | undefined;
  readonly #breaker = new RepairBreaker();
  #repairedFor: string | undefined;
  #recovered = false;
  #wake = Promise.withResolvers<void>();
  #interruptible: { readonly config: string; readonly controller: AbortController } | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** The newest object of the watch, and the client to fetch its config with. */
  accept(node: MachineConfigNode, client: KubeClient): void {
    const old = this.#node;
    this.#node = node;
    this.#client = client;
    if (old && sameTarget(old.metadata, node.metadata)) return;
    // What is fetched or waited for on behalf of a target that is none any more only holds up the new one.
    if (this.#interruptible && this.#interruptible.config !== node.spec.configVersion.desired)
      this.#interruptible.controller.abort();
    this.#wake.resolve();
  }

  /** Something may be to do: the host differs from its config, say. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Runs until a boot is due or `signal` aborts. */
  async run(signal: AbortSignal): Promise<'reboot' | 'stopped'> {
    for (let failures = 0; !signal.aborted; ) {
      this.#wake = Promise.withResolvers();
      const node = this.#node?.metadata;
      let pause = idleMilliseconds;
      try {
        const outcome = await this.#pass(signal);
        if (outcome === 'reboot') return 'reboot';
        if (outcome === 'incomplete') pause = incompleteMilliseconds;
        else pause = Math.min(pause, this.#breaker.nextChance() ?? pause);
        failures = 0;
      } catch (error) {
        if (signal.aborted) break;
        if (this.#interruptible?.controller.signal.aborted) continue;
        this.#fail(error, failures === 0);
        pause = retryDelayOf(error, ++failures);
      } finally {
        this.#interruptible = undefined;
      }
      await waitFor(this.#wake.promise, pause, signal);
      // A new target deserves a first try at once, and short waits again.
      if (this.#node?.metadata.generation !== node?.generation) failures = 0;
    }
    return 'stopped';
  }

  async #pass(signal: AbortSignal): Promise<Outcome> {
    const { driver, gate, paths, status, node, logger } = this.#options;
    if (!this.#recovered) await driver.recover(signal);
    this.#recovered = true;
    let actual = await this.#load(signal);
    node.setHost(await readNodeInfo(actual.host));
    node.setReadiness({ ready: true, reason: 'AgentReady', message: 'the agent follows the control plane' });
    const source = { node: this.#node, client: this.#client };
    const onStale = (message: string) => logger.warn({ reason: message }, 'refused an old target');
    const { desired, incomplete, refusal } = await loadDesired(source, { gate, paths, onStale, signal });
    status.update({ ...actual, desired, ...this.#givenUp(actual, desired) });
    const steps = diff(await withLiveActions(actual, desired, driver, signal), desired);
    for (const step of steps) {
      logger.info({ step: step.kind, reason: step.reason }, 'step');
      await this.#do(step, actual, desired, signal);
      if (step.kind === 'Reboot') return 'reboot';
      actual = await loadActual(driver, paths, signal);
      status.update(actual);
    }
    // The host goes on with what it has, and tells why that is not the newest.
    if (refusal) throw refusal;
    this.#rest(actual, desired);
    const isRepaired = await this.#repair(actual, desired, signal);
    const isDone = steps.length === 0 || diff(actual, desired).length === 0;
    return incomplete || isRepaired || !isDone ? 'incomplete' : 'idle';
  }

  /** The host as it is, with a target that the boot loader gave up among those that failed. */
  async #load(signal: AbortSignal): Promise<Actual> {
    const { driver, paths, logger } = this.#options;
    const actual = await loadActual(driver, paths, signal);
    const fallen = fallenTarget(actual.host, new Date());
    if (!fallen) return actual;
    logger.error({ failure: failureOfTarget(fallen) }, 'the boot loader fell back');
    await driver.recordFailure(fallen, signal);
    return await loadActual(driver, paths, signal);
  }

  /**
   * Puts back what somebody changed, where the administrator wants that; a failure is told and stops nothing. True when
   * something was to do: whether that helped is to be seen.
   */
  async #repair({ host, verified }: Actual, desired: Desired | undefined, signal: AbortSignal): Promise<boolean> {
    const { driver, status, logger, onRepair } = this.#options;
    if (!desired || !verified || !isOnTarget(host.booted, desired, host)) return false;
    if (this.#repairedFor !== desired.config) this.#breaker.reset();
    this.#repairedFor = desired.config;
    // What was told may be over by now, and would count as a repair.
    const isDue = repairablePaths(status.view.drift, desired.drift).length > 0;
    const drift = isDue ? await driver.checkDrift({ thorough: true, signal }) : [];
    const paths = repairablePaths(drift, desired.drift).filter((path) => this.#breaker.allows(path));
    const leftAlone = this.#breaker.leftAlone();
    if (leftAlone.join() !== status.view.leftAlone.join()) status.update({ leftAlone });
    if (paths.length === 0) return false;
    for (const path of paths) this.#breaker.note(path);
    try {
      await driver.repair({ target: desired, paths, signal });
      onRepair(paths);
    } catch (error) {
      signal.throwIfAborted();
      logger.warn({ err: error, paths }, 'cannot put back what was changed');
    }
    return true;
  }

  async #do(step: Step, actual: Actual, desired: Desired | undefined, signal: AbortSignal): Promise<void> {
    const { driver, paths, status, node, onWarning } = this.#options;
    this.#begin(step, actual, desired);
    const signals = [signal];
    if (desired && canInterrupt(step, actual)) {
      this.#interruptible = { config: desired.config, controller: new AbortController() };
      signals.push(this.#interruptible.controller.signal);
    }
    if (step.kind === 'Reboot') {
      node.setReadiness({ ready: false, reason: 'Rebooting', message: step.reason });
      await Promise.all([status.flush(farewellMilliseconds), node.flush(farewellMilliseconds)]);
    }
    const onMessage = (message: string) => status.update({ message });
    await applyStep(step, {
      driver,
      paths,
      actual,
      desired,
      signal: AbortSignal.any(signals),
      isReached: () => node.isReached,
      readNode: (asked) => this.#readNode(asked),
      onWarning,
      onMessage,
      onProgress: ({ bytesDone, bytesTotal, step: message }) =>
        status.update({ message, progress: { bytesDone, bytesTotal } }),
    });
    this.#interruptible = undefined;
  }

  /** Bounded: a control plane that is away is none of the update's faults. */
  async #readNode(signal: AbortSignal): Promise<Node | undefined> {
    const name = this.#node?.metadata.name;
    if (!this.#client || name === undefined) return undefined;
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(readNodeMilliseconds)]);
    try {
      return await this.#client.get(nodeResource, name, { signal: bounded });
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }

  #begin(step: Step, actual: Actual, desired: Desired | undefined): void {
    const updateStep = updateStepOf[step.kind];
    if (!updateStep) {
      this.#rest(actual, desired);
      return;
    }
    const { status } = this.#options;
    const isNew = desired !== undefined && status.view.config !== desired.config;
    status.update({
      step: updateStep,
      message: step.reason,
      progress: undefined,
      ...(desired ? { config: desired.config } : {}),
      ...(isNew || !status.view.startedAt ? { startedAt: new Date().toISOString() } : {}),
    });
  }

  /** What the host does when there is nothing to do. */
  #rest(actual: Actual, desired: Desired | undefined): void {
    const [step, message] = restOf(actual, desired);
    const rest = { step, message, config: desired?.config, progress: undefined, failure: undefined };
    this.#options.status.update({ ...rest, ...this.#givenUp(actual, desired) });
  }

  /** What is shown of a desired target that failed here, for as long as it is desired. */
  #givenUp({ host }: Actual, desired: Desired | undefined): Pick<View, 'step' | 'message' | 'failure'> | undefined {
    const { status, onFailure } = this.#options;
    const failed = desired && !isOnTarget(host.booted, desired, host) && failedTarget(host, desired);
    if (!failed) return undefined;
    const failure = failureOfTarget(failed);
    const { config, message, time } = failed;
    if (status.view.failure?.time !== time) onFailure(failure);
    return { step: 'Failed', message, failure: { ...failure, config, step: 'Verifying', time } };
  }

  #fail(error: unknown, isFirst: boolean): void {
    const { status, logger, onFailure } = this.#options;
    const failure = failureOf(error);
    const { view } = status;
    const step = view.step === 'Failed' ? (view.failure?.step ?? 'Idle') : view.step;
    const config = view.config ?? view.desired?.config;
    const time = error instanceof HealthError ? error.failed?.time : undefined;
    const reported = { ...failure, step, config, time: time ?? new Date().toISOString() };
    status.update({ step: 'Failed', message: failure.message, failure: reported, progress: undefined });
    logger.error({ failure, step, err: error }, 'failed; trying again');
    if (isFirst) onFailure(failure);
  }
}

/** An update on probation is proved or given up first, whatever is desired meanwhile. */
function canInterrupt({ kind }: Step, { host }: Actual): boolean {
  return kind === 'Stage' || (kind === 'Verify' && !currentProbation(host));
}

/** Statuses do not count: the agent itself writes them. */
function sameTarget(old: ObjectMeta, now: ObjectMeta): boolean {
  const signed = ({ annotations }: ObjectMeta) => annotations?.[signedTargetAnnotation];
  return old.uid === now.uid && old.generation === now.generation && signed(old) === signed(now);
}

function restOf({ host }: Actual, desired: Desired | undefined): [step: UpdateStep, message: string] {
  if (!desired) return ['Idle', 'no config is desired yet'];
  if (isOnTarget(host.booted, desired, host)) return ['Done', `runs ${desired.config}`];
  return ['Staged', `${desired.config} is staged and waits for its slot`];
}
