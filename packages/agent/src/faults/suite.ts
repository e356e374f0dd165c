// Many runs with faults at random: what `npm test` does a few times and the long suite a thousand times.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { FixtureRegistry } from '../fixtures/registry.ts';
import { bundleFaultyAgent, type FaultyAgent } from './bundle.ts';
import { CertificateServer } from './certificate-server.ts';
import { chooseFault } from './fault.ts';
import { type Expected, type RunOptions, run, type Start } from './run.ts';
import { prepareScenarios, type Scenario, type ScenarioName } from './scenario.ts';
import { readNextBoot } from './snapshot.ts';

export interface Traced {
  readonly scenario: Scenario;
  readonly expected: Expected;
  /** `name subject` of each call of a run without a fault. */
  readonly calls: readonly string[];
}

/** Runs wait more than they compute: for retries, and for processes to start. */
const atOnce = 3;

export class FaultSuite implements AsyncDisposable {
  readonly directory: string;
  readonly agent: FaultyAgent;
  readonly traced: readonly Traced[];
  readonly registry: FixtureRegistry;
  readonly #cleanup: AsyncDisposableStack;

  private constructor(
    cleanup: AsyncDisposableStack,
    { directory, agent, traced, registry }: Pick<FaultSuite, 'directory' | 'agent' | 'traced' | 'registry'>,
  ) {
    this.#cleanup = cleanup;
    this.directory = directory;
    this.agent = agent;
    this.traced = traced;
    this.registry = registry;
  }

  /** Prepares the scenarios, and runs each of them once without a fault. */
  static async create(names: readonly ScenarioName[]): Promise<FaultSuite> {
    await using cleanup = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), 'varve-faults-'));
    cleanup.defer(() => rm(directory, { recursive: true, force: true }));
    // In memory: a thousand sysroots, none of which has to survive this machine.
    await spawn('mount', ['-t', 'tmpfs', '-o', 'size=2g', 'tmpfs', directory]);
    cleanup.defer(async () => void (await spawn('umount', ['--lazy', directory])));
    const registry = cleanup.use(await FixtureRegistry.start());
    const server = cleanup.use(await CertificateServer.start());
    const agent = await bundleFaultyAgent(directory);
    const traced: Traced[] = [];
    await mkdir(join(directory, 'runs'));
    for (const scenario of await prepareScenarios(names, { directory, registry, server })) {
      const old = await readNextBoot(scenario.template.sysroot);
      const { calls, end } = await run({ scenario, agent, directory: join(directory, 'runs'), starts: [] });
      traced.push({ scenario, expected: { old, end }, calls });
    }
    return new FaultSuite(cleanup.move(), { directory, agent, traced, registry });
  }

  find(name: ScenarioName): Traced {
    const found = this.traced.find(({ scenario }) => scenario.name === name);
    if (!found) throw new Error(`${name} was not prepared`);
    return found;
  }

  async run({ scenario, expected }: Traced, starts: readonly Start[]): Promise<void> {
    const options: RunOptions = { scenario, agent: this.agent, directory: join(this.directory, 'runs'), starts };
    await run(options, expected);
  }

  /** Throws what the runs that failed threw. */
  async runAtRandom(count: number, random: () => number): Promise<void> {
    await this.#runAll(Array.from({ length: count }, (_, index) => this.#plan(index, random)));
  }

  async runEveryKill(): Promise<void> {
    const plans: [Traced, Start[]][] = [];
    for (const traced of this.traced) {
      for (let at = 0; at < traced.calls.length; at++) {
        plans.push([traced, [{ fault: { kind: 'kill', at }, powerCut: at % 2 === 0 }]]);
      }
    }
    await this.#runAll(plans);
  }

  async #runAll(plans: [Traced, Start[]][]): Promise<void> {
    const failures: unknown[] = [];
    const work = async () => {
      for (let plan = plans.pop(); plan && failures.length < 5; plan = plans.pop()) {
        await this.run(...plan).catch((error: unknown) => failures.push(error));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    if (failures.length > 0) throw new AggregateError(failures, failures.join('\n\n'));
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
    await this.#cleanup.disposeAsync();
  }
}
