// Many runs with faults at random: what `npm test` does a few times and the long suite a thousand times.
import type { FixtureRegistry } from '../fixtures/registry.ts';
import { bundleFaultyAgent, type FaultyProgram } from './bundle.ts';
import type { Expected } from './check.ts';
import { chooseFault } from './fault.ts';
import { Ground, runAll } from './ground.ts';
import { run, type Start } from './run.ts';
import type { Scenario, ScenarioName } from './scenario.ts';
import { readNextBoot } from './snapshot.ts';

export interface Traced {
  readonly scenario: Scenario;
  readonly expected: Expected;
  /** `name subject` of each call of a run without a fault. */
  readonly calls: readonly string[];
}

export class FaultSuite implements AsyncDisposable {
  readonly agent: FaultyProgram;
  readonly traced: readonly Traced[];
  readonly #ground: Ground;

  private constructor(ground: Ground, agent: FaultyProgram, traced: readonly Traced[]) {
    this.#ground = ground;
    this.agent = agent;
    this.traced = traced;
  }

  /** Prepares the scenarios, and runs each of them once without a fault. */
  static async create(names: readonly ScenarioName[]): Promise<FaultSuite> {
    await using cleanup = new AsyncDisposableStack();
    const ground = cleanup.use(await Ground.prepare(names));
    const agent = await bundleFaultyAgent(ground.directory);
    const traced: Traced[] = [];
    for (const scenario of ground.scenarios) {
      const old = await readNextBoot(scenario.template.sysroot);
      const { calls, end } = await run({ scenario, agent, directory: ground.runs, starts: [] });
      traced.push({ scenario, expected: { old, end }, calls });
    }
    cleanup.move();
    return new FaultSuite(ground, agent, traced);
  }

  get directory(): string {
    return this.#ground.directory;
  }

  get registry(): FixtureRegistry {
    return this.#ground.registry;
  }

  find(name: ScenarioName): Traced {
    const found = this.traced.find(({ scenario }) => scenario.name === name);
    if (!found) throw new Error(`${name} was not prepared`);
    return found;
  }

  async run({ scenario, expected }: Traced, starts: readonly Start[]): Promise<void> {
    await run({ scenario, agent: this.agent, directory: this.#ground.runs, starts }, expected);
  }

  async runAtRandom(count: number, random: () => number): Promise<void> {
    await this.#runAll(Array.from({ length: count }, (_, index) => this.#plan(index, random)));
  }

  /** One kill at each call; gives how many. */
  async runEveryKill(): Promise<number> {
    const plans: [Traced, Start[]][] = [];
    for (const traced of this.traced) {
      for (let at = 0; at < traced.calls.length; at++) {
        plans.push([traced, [{ fault: { kind: 'kill', at }, powerCut: at % 2 === 0 }]]);
      }
    }
    await this.#runAll(plans);
    return plans.length;
  }

  async #runAll(plans: readonly [Traced, Start[]][]): Promise<void> {
    await runAll(plans, ([traced, starts]) => this.run(traced, starts));
  }

  /** One fault, and often another one for the agent that comes after it. */
  #plan(index: number, random: () => number): [Traced, Start[]] {
    const traced = this.traced[index % this.traced.length];
    if (!traced) throw new Error('no scenario');
    const starts: Start[] = [];
    do starts.push({ fault: chooseFault(traced.calls.length, random), powerCut: random() < 0.3 });
    while (starts.length < 3 && random() < 0.3);
    return [traced, starts];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ground[Symbol.asyncDispose]();
  }
}
