// Changes of this host by hand: what they print and how they go on, for every command that makes one.
import type { LocalHost, LocalPlan } from '@varve/agent';
import type { Context } from '../context.ts';
import { formatBytes, type OutputFormat, print } from '../output.ts';
import { ProgressBar } from '../progress.ts';

export interface ChangeOptions {
  readonly dryRun?: boolean;
  readonly reboot?: boolean;
  readonly output: OutputFormat;
}

/** What a change comes to, for programs. */
export interface ChangeSummary {
  readonly image: string;
  readonly config: string;
  /** Of the next boot. */
  readonly kernelArguments: readonly string[];
  /** The most that is fetched. */
  readonly bytes: number;
  readonly result: 'NothingToDo' | 'DryRun' | 'NextBoot' | 'Rebooting';
}

/** Makes the planned change, unless it is only to be shown. */
export async function carryOut(
  host: LocalHost,
  plan: LocalPlan,
  options: ChangeOptions,
  { terminal }: Context,
): Promise<void> {
  const { image, config, kernelArguments, bytes, isDone } = plan;
  const summary = { image, config, kernelArguments, bytes };
  const report = (result: ChangeSummary['result']) =>
    print(terminal, options.output, { ...summary, result } satisfies ChangeSummary, () => formatChange(plan, result));
  if (isDone) return report('NothingToDo');
  if (options.dryRun) return report('DryRun');
  {
    using bar = new ProgressBar(terminal);
    await host.apply(plan, {
      onProgress: (progress) => bar.update({ bytesReused: 0, ...progress }),
      onStep: (step) => bar.update({ step, bytesDone: 0, bytesTotal: 0, bytesReused: 0 }),
    });
  }
  await warnOfAgent(host, terminal);
  report(options.reboot ? 'Rebooting' : 'NextBoot');
  if (options.reboot) await host.reboot();
}

/** A host that has joined belongs to its server. */
export async function warnOfAgent(host: LocalHost, terminal: Context['terminal']): Promise<void> {
  const server = await host.server();
  if (server === undefined) return;
  terminal.err(
    `this host follows ${server}: its agent takes the change back when it runs again; change the pool there`,
  );
}

const outcomes: Readonly<Record<ChangeSummary['result'], string>> = {
  NothingToDo: 'the host runs this already',
  DryRun: 'nothing was changed (dry run)',
  NextBoot: 'done: it takes effect with the next boot',
  Rebooting: 'done: rebooting now',
};

export function formatChange(
  { image, kernelArguments, bytes }: Pick<LocalPlan, 'image' | 'kernelArguments' | 'bytes'>,
  result: ChangeSummary['result'],
): string {
  return [
    `image:   ${image}`,
    `kernel:  ${kernelArguments.join(' ')}`,
    `fetch:   ${bytes === 0 ? 'nothing' : `at most ${formatBytes(bytes)}`}`,
    outcomes[result],
  ].join('\n');
}
