// Child processes of the quickstart: `varve` as a user would call it, kubectl as it is, and those that stay up.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import spawnCommand from 'nano-spawn';

const varveMain = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
const nodeArguments = ['--disable-warning=ExperimentalWarning', varveMain];

interface RunOptions {
  readonly signal: AbortSignal;
  readonly onLine?: (line: string) => void;
  readonly env?: Record<string, string>;
  /** Written to its standard input. */
  readonly input?: string;
}

/** Runs `varve ARGS` to its end and returns what it printed; its progress goes to `onLine`. */
export async function varve(args: readonly string[], options: RunOptions): Promise<string> {
  return await run(`varve ${args.slice(0, 2).join(' ')}`, process.execPath, [...nodeArguments, ...args], options);
}

export async function kubectl(kubeconfig: string, args: readonly string[], options: RunOptions): Promise<string> {
  return await run(`kubectl ${args.slice(0, 2).join(' ')}`, 'kubectl', ['--kubeconfig', kubeconfig, ...args], options);
}

/** A failure says what failed, and the last that it wrote. */
async function run(name: string, command: string, args: readonly string[], options: RunOptions): Promise<string> {
  const child = spawnCommand(command, args, {
    signal: options.signal,
    stdin: options.input === undefined ? 'ignore' : { string: options.input },
    env: options.env ?? {},
  });
  const last: string[] = [];
  const follow = async (): Promise<void> => {
    for await (const line of child.stderr) {
      last.push(line);
      if (last.length > 8) last.shift();
      options.onLine?.(line);
    }
  };
  try {
    const [{ stdout }] = await Promise.all([child, follow()]);
    return stdout;
  } catch (cause) {
    options.signal.throwIfAborted();
    throw new Error(`${name} failed:\n${last.map((line) => `  ${line}`).join('\n')}`, { cause });
  }
}

/** A process that stays up until `stop`; its output goes to a log file. */
export class Background {
  readonly name: string;
  readonly logPath: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #ended = false;

  private constructor(name: string, logPath: string, child: ChildProcess) {
    this.name = name;
    this.logPath = logPath;
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        this.#ended = true;
        resolve();
      });
    });
  }

  /** Starts `varve ARGS` in the background. */
  static start(name: string, args: readonly string[], logPath: string): Background {
    const log = openSync(logPath, 'a', 0o600);
    try {
      // A process group of its own: Ctrl-C in the terminal reaches the quickstart alone, which stops its children in order.
      const child = spawn(process.execPath, [...nodeArguments, ...args], {
        stdio: ['ignore', log, log],
        detached: true,
      });
      return new Background(name, logPath, child);
    } finally {
      closeSync(log);
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Waits until `ready` holds. Fails with the end of the log when the process ends before, or after `timeout` ms. */
  async waitFor(ready: () => Promise<boolean>, timeout: number, signal: AbortSignal): Promise<void> {
    const deadline = Date.now() + timeout;
    while (!(await ready())) {
      signal.throwIfAborted();
      if (this.#ended || Date.now() > deadline) {
        const log = (await readFile(this.logPath, 'utf8')).trimEnd().split('\n').slice(-15).join('\n  ');
        const what = this.#ended ? 'ended before it was ready' : `was not ready after ${timeout / 1000} s`;
        throw new Error(`${this.name} ${what}. The end of ${this.logPath}:\n  ${log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** SIGTERM, and SIGKILL when it has not ended after 10 s. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#exited;
    clearTimeout(timer);
  }
}
