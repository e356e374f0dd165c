// What every command is given: where to write, when to stop, how to find the server. Passed in, never global.
import type { KubeClient } from '@varve/kube';
import { CliError } from './error.ts';
import type { OutputFormat, Terminal } from './output.ts';

export interface Context {
  readonly terminal: Terminal;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
}

export interface GlobalOptions {
  readonly kubeconfig?: string;
  readonly output: OutputFormat;
}

/** Runs `work` with a client for the chosen server, and closes it. */
export async function withClient<T>(options: GlobalOptions, work: (client: KubeClient) => Promise<T>): Promise<T> {
  const { connect } = await import('./connect.ts');
  await using client = await connect(options);
  return await work(client);
}

/** `90s`, `10m`, `2h`, `7d` or a number of seconds, as milliseconds. */
export function parseDuration(text: string): number {
  const match = /^([0-9]{1,9})(s|m|h|d)?$/.exec(text);
  const [, number, unit] = match ?? [];
  if (number === undefined) throw new CliError('USAGE', `${text} is no duration; write 90s, 10m, 2h or 7d`);
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }[unit ?? 's'] ?? 1;
  return Number(number) * seconds * 1000;
}

/** Gathers a repeatable `NAME=VALUE` option. */
export function collectPair(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const [name, ...value] = text.split('=');
  if (name === undefined || name === '' || value.length === 0) {
    throw new CliError('USAGE', `${text} is no NAME=VALUE`);
  }
  return { ...previous, [name]: value.join('=') };
}

/** Gathers a repeatable option. */
export function collect(text: string, previous: readonly string[] = []): string[] {
  return [...previous, text];
}
