// A host with nothing on it but the agent's executable and the tools that every image-based host has: a root directory to
// change into, an empty environment, a sysroot.
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, open, readFile, realpath } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createHost } from '@varve/agent';
import { removeTree } from '../scripts/quickstart/remove.ts';
import { run } from './process.ts';

/** The tools, where Debian has them. `systemctl` enables units in a deployment. */
const tools = ['/usr/bin/ostree', '/usr/bin/sync', '/usr/bin/systemctl'];
const agent = '/usr/bin/varve-agent';

export class InstalledHost implements AsyncDisposable {
  /** The root directory of the host's programs. */
  readonly root: string;
  #child: ChildProcess | undefined;

  private constructor(root: string) {
    this.root = root;
  }

  /** `image` comes from a registry without TLS. */
  static async create(executable: string, image: string): Promise<InstalledHost> {
    const root = await mkdtemp(join(tmpdir(), 'varve-installed-'));
    const host = new InstalledHost(root);
    await install(root, executable, agent);
    for (const tool of tools) await install(root, tool, tool);
    for (const directory of ['dev', 'proc', 'tmp', 'etc']) await mkdir(join(root, directory), { recursive: true });
    await run('mknod', join(root, 'dev/null'), 'c', '1', '3');
    await run('mount', '-t', 'proc', 'proc', join(root, 'proc'));
    const registry = { insecure: true };
    await createHost({ sysroot: host.sysroot, image, kernelArguments: ['root=LABEL=root', 'rw'], registry });
    return host;
  }

  /** The sysroot, from outside. */
  get sysroot(): string {
    return join(this.root, 'host');
  }

  /** Runs `varve-agent ARGS --sysroot …` and returns its standard output. */
  async run(...args: string[]): Promise<string> {
    return await run('env', ...this.#command(...args));
  }

  /** Starts `varve-agent run` and returns its process id. */
  async start(): Promise<number> {
    await using log = await open(join(this.root, 'log'), 'a');
    this.#child = spawn('env', this.#command('run', '--metrics', '/tmp/metrics.sock'), {
      stdio: ['ignore', log.fd, log.fd],
    });
    return this.#child.pid ?? 0;
  }

  async metrics(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const options = { socketPath: join(this.root, 'tmp/metrics.sock'), path: '/metrics', agent: false };
    get(options, (response) => text(response).then(resolve, reject)).on('error', reject);
    return await promise;
  }

  async log(): Promise<string> {
    return await readFile(join(this.root, 'log'), 'utf8');
  }

  /** For env(1); the environment is what packaging/systemd/varve-agent.service sets. */
  #command(...args: string[]): string[] {
    return [
      '-i',
      'PATH=/usr/bin',
      'MALLOC_ARENA_MAX=1',
      '/usr/sbin/chroot',
      this.root,
      agent,
      ...args,
      '--sysroot',
      '/host',
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await exited;
    }
    await run('umount', '--lazy', join(this.root, 'proc'));
    await removeTree(this.root);
  }
}

/** Copies a program and the libraries that ldd(1) names. */
async function install(root: string, source: string, path: string): Promise<void> {
  const libraries = (await run('ldd', source)).matchAll(/(\/\S+) \(0x/g);
  for (const [from, to] of [[source, path], ...Array.from(libraries, ([, library = '']) => [library, library])]) {
    if (from === undefined || to === undefined) continue;
    await mkdir(dirname(join(root, to)), { recursive: true });
    await copyFile(await realpath(from), join(root, to));
  }
}
