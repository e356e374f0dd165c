// Where faults are tried: a directory in memory, a registry, a control plane that renews certificates, and the scenarios.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { FixtureRegistry } from '../fixtures/registry.ts';
import { CertificateServer } from './certificate-server.ts';
import { prepareScenarios, type Scenario, type ScenarioName } from './scenario.ts';

/** Runs wait more than they compute: for retries, and for processes to start. */
const atOnce = 3;
/** More failures than this say nothing new. */
const maxFailures = 5;

export class Ground implements AsyncDisposable {
  readonly directory: string;
  /** Where a run makes its host. */
  readonly runs: string;
  readonly registry: FixtureRegistry;
  readonly scenarios: readonly Scenario[];
  readonly #cleanup: AsyncDisposableStack;

  private constructor(
    cleanup: AsyncDisposableStack,
    { directory, runs, registry, scenarios }: Pick<Ground, 'directory' | 'runs' | 'registry' | 'scenarios'>,
  ) {
    this.#cleanup = cleanup;
    this.directory = directory;
    this.runs = runs;
    this.registry = registry;
    this.scenarios = scenarios;
  }

  static async prepare(names: readonly ScenarioName[]): Promise<Ground> {
    await using cleanup = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), 'varve-faults-'));
    cleanup.defer(() => rm(directory, { recursive: true, force: true }));
    // In memory: a thousand sysroots, none of which has to survive this machine.
    await spawn('mount', ['-t', 'tmpfs', '-o', 'size=2g', 'tmpfs', directory]);
    cleanup.defer(async () => void (await spawn('umount', ['--lazy', directory])));
    const registry = cleanup.use(await FixtureRegistry.start());
    const server = cleanup.use(await CertificateServer.start());
    const scenarios = await prepareScenarios(names, { directory, registry, server });
    const runs = join(directory, 'runs');
    await mkdir(runs);
    return new Ground(cleanup.move(), { directory, runs, registry, scenarios });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.disposeAsync();
  }
}

/** Runs all plans, some at a time; throws what those that failed threw. */
export async function runAll<T>(plans: readonly T[], run: (plan: T) => Promise<void>): Promise<void> {
  const left = [...plans];
  const failures: unknown[] = [];
  const work = async () => {
    for (let plan = left.pop(); plan !== undefined && failures.length < maxFailures; plan = left.pop()) {
      await run(plan).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  if (failures.length > 0) throw new AggregateError(failures, failures.join('\n\n'));
}
