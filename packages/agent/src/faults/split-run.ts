// One run of a scenario on a host whose network side and helper are two processes: one of them meets a fault, and is
// started again as systemd does it, alone or, as after a power cut, together with the other.
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import spawn from 'nano-spawn';
import { bootDirectory } from '../boot/boot.ts';
import { removeSysroot } from '../fixtures/host.ts';
import { nobody } from '../fixtures/nobody.ts';
import { readTextIfThere } from '../state/durable-file.ts';
import { stateDirectoryOf, statePaths } from '../state/paths.ts';
import type { FaultySides } from './bundle.ts';
import { checkBetween, checkEnd, type Expected } from './check.ts';
import { type Fault, formatFault } from './fault.ts';
import { isReached } from './goal.ts';
import { contextOf, type Ending, type RunningProcess, startFaulty } from './process.ts';
import type { Scenario } from './scenario.ts';
import type { NextBoot } from './snapshot.ts';

export type Side = keyof FaultySides;
export const sides: readonly Side[] = ['network', 'helper'];

export interface SplitStart {
  readonly side: Side;
  readonly fault: Fault;
  /** What becomes of the other side when this one has ended: it lives on, dies too, or the machine loses its power. */
  readonly aftermath: 'alone' | 'both' | 'power-cut';
}

export interface SplitRunOptions {
  readonly scenario: Scenario;
  readonly programs: FaultySides;
  /** Where to make the host. */
  readonly directory: string;
  readonly starts: readonly SplitStart[];
}

export interface SplitOutcome {
  /** Of the processes that were started last. */
  readonly calls: Readonly<Record<Side, readonly string[]>>;
  readonly end: NextBoot;
}

const faultyTimeout = 20_000;
const timeout = 180_000;
/** A side that ends by itself more often is not just one that met a fault. */
const maxRestarts = 5;

/** Throws with the whole story when the host is ever in a mixed state, or does not reach its goal. */
export async function runSplit(options: SplitRunOptions, expected?: Expected): Promise<SplitOutcome> {
  const { scenario, programs, directory, starts } = options;
  const sysroot = join(directory, randomUUID());
  await using host = new SplitProcesses(sysroot, programs);
  try {
    await scenario.template.copyTo(sysroot);
    const paths = statePaths(stateDirectoryOf(sysroot));
    await spawn('chown', ['--recursive', `${nobody}:${nobody}`, paths.agent]);
    for (const { side, fault, aftermath } of starts) {
      if (!(await host.meet(side, fault, () => isReached(sysroot, scenario.goal)))) break;
      if (aftermath === 'alone') continue;
      host.note(`then ${aftermath}`);
      // What a killed side has started may still be at work, as for the next one.
      if (!(await host.killAll())) continue;
      await checkBetween(scenario, sysroot, expected);
      if (aftermath === 'power-cut') await bootDirectory(sysroot, paths);
    }
    await host.reach(() => isReached(sysroot, scenario.goal));
    await host.stop();
    const end = await checkEnd(scenario, sysroot, expected);
    const calls = { network: await host.calls('network'), helper: await host.calls('helper') };
    await removeSysroot(sysroot);
    return { calls, end };
  } catch (error) {
    throw new Error(`${scenario.name} in ${sysroot}: ${await host.story()}\n${error}`, { cause: error });
  }
}

class SplitProcesses implements AsyncDisposable {
  readonly #sysroot: string;
  readonly #programs: FaultySides;
  readonly #running = new Map<Side, RunningProcess>();
  readonly #endings = new Map<Side, Ending>();
  readonly #story: string[] = [];
  #restarts = 0;

  constructor(sysroot: string, programs: FaultySides) {
    this.#sysroot = sysroot;
    this.#programs = programs;
  }

  note(what: string): void {
    this.#story.push(what);
  }

  async story(): Promise<string> {
    const contexts: string[] = [];
    for (const side of sides) {
      contexts.push(`${side}:`, await contextOf(this.#trace(side)), this.#endings.get(side)?.output.slice(-2000) ?? '');
    }
    return [...this.#story, ...contexts].join('\n');
  }

  /** Starts what does not run, one side with a fault, until that side ends; false when the goal was reached before. */
  async meet(side: Side, fault: Fault, isDone: () => Promise<boolean>): Promise<boolean> {
    this.note(`${side} ${formatFault(fault)}`);
    await this.#kill(side);
    await this.#startMissing(side, fault);
    const ending = await this.#untilEnd(side, isDone);
    this.note(ending?.how ?? 'the goal came first');
    // Its fault may be to come.
    if (!ending) await this.#kill(side);
    return ending !== undefined;
  }

  /** Runs both sides without a fault, and starts again what ends, until the goal is reached. */
  async reach(isDone: () => Promise<boolean>): Promise<void> {
    this.note('no fault');
    for (const end = performance.now() + timeout; performance.now() < end; await sleep(20)) {
      await this.#startMissing();
      if ((await this.#areUp()) && (await isDone())) return;
    }
    for (const side of sides) await this.#kill(side);
    throw new Error('the goal is not reached');
  }

  /** Both end by themselves, the network side first. */
  async stop(): Promise<void> {
    for (const side of sides) {
      this.#running.get(side)?.stop();
      await this.#running.get(side)?.ended;
    }
  }

  /** True when nothing that they have started is alive. */
  async killAll(): Promise<boolean> {
    for (const side of sides) await this.#kill(side);
    return sides.every((side) => this.#endings.get(side)?.isAlone !== false);
  }

  /** None of one that had only just been started. */
  async calls(side: Side): Promise<string[]> {
    const text = (await readTextIfThere(this.#trace(side))) ?? '';
    return text.trim().split('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killAll();
    for (const side of sides) await rm(this.#trace(side), { force: true });
    await rm(this.#socket, { force: true });
  }

  /** Whether both have begun their work, which is to clear away what others have left. */
  async #areUp(): Promise<boolean> {
    const [network, helper] = [await this.calls('network'), await this.calls('helper')];
    return (
      network.some((call) => call.includes(' send ')) && helper.some((call) => call.endsWith(`chmod ${this.#socket}`))
    );
  }

  get #socket(): string {
    return `${this.#sysroot}.sock`;
  }

  #trace(side: Side): string {
    return `${this.#sysroot}.${side}`;
  }

  async #startMissing(faulty?: Side, fault?: Fault): Promise<void> {
    for (const side of sides) {
      if (this.#running.has(side)) continue;
      await this.#start(side, side === faulty ? fault : undefined);
    }
  }

  async #start(side: Side, fault: Fault | undefined): Promise<void> {
    const last = this.#endings.get(side);
    if (last && !fault && !/^SIG/.test(last.how) && ++this.#restarts > maxRestarts) {
      throw new Error(`the ${side} side ends again and again: ${last.how}`);
    }
    const trace = this.#trace(side);
    await rm(trace, { force: true });
    const args = [this.#sysroot, this.#socket];
    const started = startFaulty({
      ...this.#programs[side],
      ...{ args, fault, trace, timeout: fault ? faultyTimeout : 2 * timeout },
    });
    this.#running.set(side, started);
    void started.ended.then((ending) => {
      this.#endings.set(side, ending);
      if (this.#running.get(side) === started) this.#running.delete(side);
    });
  }

  async #untilEnd(side: Side, isDone: () => Promise<boolean>): Promise<Ending | undefined> {
    let ending: Ending | undefined;
    void this.#running.get(side)?.ended.then((end) => {
      ending = end;
    });
    while (!ending) {
      if (await isDone()) return undefined;
      await sleep(20);
    }
    return ending;
  }

  async #kill(side: Side): Promise<void> {
    const process = this.#running.get(side);
    process?.kill();
    await process?.ended;
    this.#running.delete(side);
  }
}
