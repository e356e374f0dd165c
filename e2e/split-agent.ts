// The agent as packaging/systemd runs it: a network side without rights that stays, and a helper of root, without
// network, that the first connection to its socket starts and that ends when it is idle.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, open, readlink, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { stateDirectoryOf } from '@varve/agent';
import type { InstalledHost } from './installed-host.ts';
import { eventually, run } from './process.ts';

/** Stands for the user `varve`. */
const unprivileged = 65_534;
const executable = '/usr/bin/varve-agent';
const socket = '/run/varve/helper.sock';
const metricsSocket = '/run/varve-agent/metrics.sock';
/** What the units set. */
const environment = ['PATH=/usr/bin', 'MALLOC_ARENA_MAX=1'];
const networkEnvironment = [
  ...environment,
  'MALLOC_MMAP_THRESHOLD_=65536',
  'MALLOC_TRIM_THRESHOLD_=65536',
  'UV_THREADPOOL_SIZE=2',
];

export class SplitAgent implements AsyncDisposable {
  readonly #host: InstalledHost;
  readonly #stop = new AbortController();
  #activation: ChildProcess | undefined;
  #activating: Promise<void> = Promise.resolve();
  #network: ChildProcess | undefined;

  private constructor(host: InstalledHost) {
    this.#host = host;
  }

  /** `host` has joined. */
  static async start(host: InstalledHost): Promise<SplitAgent> {
    const agent = new SplitAgent(host);
    await agent.#giveAway();
    agent.#activating = agent.#activate();
    await agent.#startNetworkSide();
    return agent;
  }

  /** Process id of the network side. */
  get network(): number {
    return this.#network?.pid ?? 0;
  }

  /** Process id of the helper, while there is one. */
  async helper(): Promise<number | undefined> {
    const pid = this.#activation?.pid;
    if (pid === undefined) return undefined;
    const program = await readlink(`/proc/${pid}/exe`).catch(() => '');
    return program.endsWith(executable) ? pid : undefined;
  }

  /** The helper's socket, from outside. */
  get socket(): string {
    return join(this.#host.root, socket);
  }

  async metrics(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const options = { socketPath: join(this.#host.root, metricsSocket), path: '/metrics', agent: false };
    get(options, (response) => text(response).then(resolve, reject)).on('error', reject);
    return await promise;
  }

  /** Ends the network side; the helper's socket is there for others then. */
  async stopNetworkSide(): Promise<void> {
    await end(this.#network);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await end(this.#network);
    await end(this.#activation);
    await this.#activating;
  }

  /** As tmpfiles, sysusers and the units' directories do it. */
  async #giveAway(): Promise<void> {
    const { root, sysroot } = this.#host;
    await chmod(root, 0o755);
    await chmod(sysroot, 0o755);
    for (const [path, mode, owner] of [
      ['run/varve', 0o750, 0],
      ['run/varve-agent', 0o755, unprivileged],
    ] as const) {
      await mkdir(join(root, path), { recursive: true });
      await chmod(join(root, path), mode);
      await chown(join(root, path), owner, unprivileged);
    }
    await run('chown', '--recursive', `${unprivileged}:${unprivileged}`, join(stateDirectoryOf(sysroot), 'agent'));
  }

  async #startNetworkSide(): Promise<void> {
    await using log = await open(join(this.#host.root, 'log'), 'a');
    const user = `--userspec=${unprivileged}:${unprivileged}`;
    const program = [user, '--groups=', this.#host.root, executable, 'run', '--sysroot', '/host'];
    const sockets = ['--helper', socket, '--metrics', metricsSocket];
    this.#network = spawn('env', ['-i', ...networkEnvironment, '/usr/sbin/chroot', ...program, ...sockets], {
      stdio: ['ignore', log.fd, log.fd],
    });
  }

  /** systemd-socket-activate(1) becomes the helper, so one is started for each helper. */
  async #activate(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await using log = await open(join(this.#host.root, 'helper.log'), 'a');
      await rm(this.socket, { force: true });
      const program = [
        '/usr/sbin/chroot',
        this.#host.root,
        executable,
        'helper',
        '--sysroot',
        '/host',
        '--idle',
        '10s',
      ];
      const settings = environment.flatMap((setting) => ['--setenv', setting]);
      const child = spawn('systemd-socket-activate', ['--listen', this.socket, ...settings, ...program], {
        stdio: ['ignore', log.fd, log.fd],
      });
      this.#activation = child;
      const exited = once(child, 'exit');
      await eventually('the helper has a socket', async () => {
        await chown(this.socket, 0, unprivileged);
        await chmod(this.socket, 0o660);
        return true;
      });
      await exited;
      await sleep(50);
    }
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
