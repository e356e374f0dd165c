// Child processes of the e2e tests: the varve command as a user runs it, killed as a power cut would.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import spawnCommand, { SubprocessError } from 'nano-spawn';

const root = fileURLToPath(new URL('..', import.meta.url));
const varveArguments = ['--disable-warning=ExperimentalWarning', `${root}packages/cli/src/main.ts`];

/** What a shell runs for `varve`. */
export const varveCommand = [process.execPath, ...varveArguments].join(' ');

/** Runs `varve ARGS` and returns its standard output; a failure carries its standard error in the message. */
export async function varve(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  return await output(process.execPath, [...varveArguments, ...args], env);
}

/** Runs `varve ARGS`, which must fail, and returns its exit code and standard error. */
export async function varveFailure(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ exitCode: number | undefined; stderr: string }> {
  try {
    await spawnCommand(process.execPath, [...varveArguments, ...args], { stdin: 'ignore', env });
  } catch (error) {
    if (!(error instanceof SubprocessError)) throw error;
    return { exitCode: error.exitCode, stderr: error.stderr };
  }
  throw new Error(`varve ${args.join(' ')} did not fail`);
}

/** Runs a tool and returns its standard output; a failure carries its standard error in the message. */
export async function run(command: string, ...args: string[]): Promise<string> {
  return await output(command, args, {});
}

async function output(command: string, args: readonly string[], env: Record<string, string>): Promise<string> {
  try {
    return (await spawnCommand(command, args, { stdin: 'ignore', env })).stdout;
  } catch (error) {
    if (!(error instanceof SubprocessError)) throw error;
    throw new Error(`${error.message}\n${error.stderr}`, { cause: error });
  }
}

/** A program that stays up, and is started again by the test after it was killed. */
export class Daemon {
  readonly name: string;
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #logPath: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  constructor(
    name: string,
    command: string,
    args: readonly string[],
    logPath: string,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.name = name;
    this.#command = command;
    this.#args = args;
    this.#logPath = logPath;
    this.#env = env;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  start(): void {
    const log = openSync(this.#logPath, 'a', 0o600);
    try {
      const child = spawn(this.#command, [...this.#args], {
        stdio: ['ignore', log, log],
        env: { ...process.env, ...this.#env },
      });
      this.#child = child;
      this.#exited = new Promise((resolve) => void child.once('exit', () => resolve()));
    } finally {
      closeSync(log);
    }
  }

  /** SIGKILL: nothing gets to tidy up. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), 20_000);
    this.#child?.kill('SIGTERM');
    await this.#exited;
    clearTimeout(timer);
  }
}

/** A `varve ARGS` that stays up. */
export class Service extends Daemon {
  constructor(name: string, args: readonly string[], logPath: string, env: Readonly<Record<string, string>> = {}) {
    super(name, process.execPath, [...varveArguments, ...args], logPath, env);
  }
}

/** Polls until `condition` gives something other than undefined or false. Fails after `timeout` ms with `what`. */
export async function eventually<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  timeout = 300_000,
): Promise<T> {
  const deadline = Date.now() + timeout;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`not after ${timeout / 1000} s: ${what}`, { cause: last });
}

/**
 * A port of 127.0.0.1 that nobody has at this moment, nor gets from the kernel later: it is below those of connections
 * (ip(7), ip_local_port_range), so that who is killed finds it free when they are started again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
