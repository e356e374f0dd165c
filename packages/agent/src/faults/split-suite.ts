// The scenarios on hosts of two processes, with faults in either of them.
import { bundleFaultySides, type FaultySides } from './bundle.ts';
import type { Expected } from './check.ts';
import { chooseFault, type Fault } from './fault.ts';
import { Ground, runAll } from './ground.ts';
import type { Scenario, ScenarioName } from './scenario.ts';
import { readNextBoot } from './snapshot.ts';
import { runSplit, type Side, type SplitStart } from './split-run.ts';

export interface SplitTraced {
  readonly scenario: Scenario;
  readonly expected: Expected;
  /** `number name subject` of each call of a run without a fault. */
  readonly calls: Readonly<Record<Side, readonly string[]>>;
}

const aftermaths: readonly SplitStart['aftermath'][] = ['both', 'alone', 'power-cut'];

export class SplitFaultSuite implements AsyncDisposable {
  readonly traced: readonly SplitTraced[];
  readonly #ground: Ground;
  readonly #programs: FaultySides;

  private constructor(ground: Ground, programs: FaultySides, traced: readonly SplitTraced[]) {
    this.#ground = ground;
    this.#programs = programs;
    this.traced = traced;
  }

  /** Prepares the scenarios, and runs each of them once without a fault. */
  static async create(names: readonly ScenarioName[]): Promise<SplitFaultSuite> {
    await using cleanup = new AsyncDisposableStack();
    const ground = cleanup.use(await Ground.prepare(names));
    const programs = await bundleFaultySides(ground.directory);
    const traced: SplitTraced[] = [];
    for (const scenario of ground.scenarios) {
      const old = await readNextBoot(scenario.template.sysroot);
      const { calls, end } = await runSplit({ scenario, programs, directory: ground.runs, starts: [] });
      traced.push({ scenario, expected: { old, end }, calls });
    }
    cleanup.move();
    return new SplitFaultSuite(ground, programs, traced);
  }

  async runAtRandom(count: number, random: () => number): Promise<void> {
    await this.#runAll(Array.from({ length: count }, (_, index) => this.#plan(index, random)));
  }

  /** One fault at each call of a side whose line is chosen. */
  async runEvery(side: Side, kind: 'kill' | 'cut', isChosen: (call: string) => boolean): Promise<number> {
    const plans: [SplitTraced, SplitStart[]][] = [];
    for (const traced of this.traced) {
      for (const [at, call] of traced.calls[side].entries()) {
        const fault: Fault = kind === 'kill' ? { kind, at } : { kind: 'error', at, code: 'EIO' };
        const aftermath = aftermaths[at % aftermaths.length] ?? 'alone';
        if (isChosen(call)) plans.push([traced, [{ side, fault, aftermath }]]);
      }
    }
    await this.#runAll(plans);
    return plans.length;
  }

  async #runAll(plans: readonly [SplitTraced, SplitStart[]][]): Promise<void> {
    await runAll(plans, async ([{ scenario, expected }, starts]) => {
      await runSplit({ scenario, programs: this.#programs, directory: this.#ground.runs, starts }, expected);
    });
  }

  /** One fault, and often another one, of the same side or of the other, after it. */
  #plan(index: number, random: () => number): [SplitTraced, SplitStart[]] {
    const traced = this.traced[index % this.traced.length];
    if (!traced) throw new Error('no scenario');
    const starts: SplitStart[] = [];
    do {
      const side: Side = random() < 0.6 ? 'helper' : 'network';
      starts.push({ side, fault: chooseFault(traced.calls[side].length, random), aftermath: whatFollows(random()) });
    } while (starts.length < 3 && random() < 0.3);
    return [traced, starts];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ground[Symbol.asyncDispose]();
  }
}

function whatFollows(dice: number): SplitStart['aftermath'] {
  if (dice < 0.5) return 'alone';
  return dice < 0.8 ? 'both' : 'power-cut';
}
