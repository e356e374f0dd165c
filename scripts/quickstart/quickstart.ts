// The seven steps. Each calls the varve command or kubectl as a user would; nothing here reaches into the product.
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machineConfigNodeResource } from '@varve/api';
import { KubeClient, loadKubeconfig } from '@varve/kube';
import type { Paths } from './options.ts';
import { Background, kubectl, varve } from './process.ts';
import type { Steps } from './steps.ts';

const hostNames = ['host-1', 'host-2', 'host-3'] as const;
const pool = 'worker';
const defaultPort = 7443;
const examples = fileURLToPath(new URL('../../examples', import.meta.url));

export interface QuickstartContext {
  readonly paths: Paths;
  readonly cacheDirectory: string;
  readonly signal: AbortSignal;
  readonly steps: Steps;
  write(line: string): void;
}

type Say = (line: string) => void;

/** What `varve node token --output json` prints. */
interface JoinToken {
  readonly server: string;
  readonly token: string;
  readonly caHash: string;
}

export class Quickstart {
  /** `127.0.0.1:PORT` of the control plane. */
  authority = `127.0.0.1:${defaultPort}`;
  readonly #context: QuickstartContext;
  readonly #running: Background[] = [];

  constructor(context: QuickstartContext) {
    this.#context = context;
  }

  async run(): Promise<void> {
    const { steps } = this.#context;
    await steps.run('up', 'Start the control plane: API server, registry, controllers', (say) => this.#up(say));
    const base = await steps.run('base', 'Make a bootable Debian base image from packages', (say) => this.#base(say));
    const image = await steps.run('build', 'Build the firewall image from its Containerfile', (say) =>
      this.#build(base, say),
    );
    await steps.run('hosts', `Create and join ${hostNames.length} hosts on the base image`, (say) =>
      this.#hosts(base, say),
    );
    await steps.run('apply', 'Declare the target with kubectl', (say) => this.#apply(image, say));
    await steps.run('rollout', 'Roll the pool onto the firewall image, one host at a time', (say) =>
      this.#rollout(say),
    );
    await steps.run('outcome', 'Look at the hosts; change a managed file on one', (say) => this.#outcome(say));
  }

  /** Stops every process that the quickstart started, agents first. */
  async stop(): Promise<void> {
    for (const process of this.#running.splice(0).reverse()) await process.stop();
  }

  /** What to type in another terminal, after `setUp`. */
  lookAround(setUp: readonly string[]): string[] {
    const { paths } = this.#context;
    return [
      '',
      'Everything stays up until Ctrl-C. In another terminal:',
      ...setUp,
      `  export KUBECONFIG=${paths.kubeconfig}`,
      '  kubectl get mcp,mcn,nodes',
      `  ostree admin status --sysroot=${paths.host('host-1')}`,
      '  npm run varve -- why host-1',
      `Logs: ${paths.logs}. docs/quickstart.md has more to try.`,
    ];
  }

  async #up(say: Say): Promise<void> {
    const { paths, signal } = this.#context;
    this.authority = `127.0.0.1:${await choosePort(defaultPort)}`;
    const args = ['up', '--state', paths.server, '--listen', this.authority];
    say(`$ varve ${args.join(' ')}`);
    const server = Background.start('varve up', args, paths.log('server'));
    this.#running.push(server);
    await server.waitFor(() => this.#answers(), 60_000, signal);
    say(`https://${this.authority} answers; kubeconfig: ${paths.kubeconfig}`);
  }

  async #answers(): Promise<boolean> {
    try {
      const text = await kubectl(this.#context.paths.kubeconfig, ['get', '--raw', '/readyz'], {
        signal: AbortSignal.timeout(5000),
      });
      return text.trim() === 'ok';
    } catch {
      return false;
    }
  }

  #registryFlags(): string[] {
    const { paths } = this.#context;
    return ['--authfile', join(paths.server, 'registry-auth.json'), '--cert-dir', join(paths.server, 'certs.d')];
  }

  /** Runs a varve image command which prints `{reference}` as JSON, and shows its progress. */
  async #image(args: readonly string[], log: string, say: Say): Promise<string> {
    const { paths, signal } = this.#context;
    say(`$ varve image ${args.join(' ')}`);
    const flags = ['--cache-dir', this.#context.cacheDirectory, ...this.#registryFlags()];
    const output = await varve(['--output', 'json', 'image', ...args, ...flags], {
      signal,
      onLine: (line) => {
        void appendFile(paths.log(log), `${line}\n`);
        if (line.startsWith('>')) say(line.slice(1).trim());
      },
    });
    const { reference } = JSON.parse(output) as { reference: string };
    say(reference);
    return reference;
  }

  async #base(say: Say): Promise<string> {
    return await this.#image(['base', 'debian', '--push', `${this.authority}/os/debian:base`], 'base', say);
  }

  async #build(base: string, say: Say): Promise<string> {
    const directory = join(examples, 'ansible-firewall');
    const push = ['--push', `${this.authority}/os/firewall:1`];
    return await this.#image(['build', directory, '--build-arg', `BASE=${base}`, ...push], 'build', say);
  }

  async #hosts(base: string, say: Say): Promise<void> {
    const { paths, signal } = this.#context;
    const labels = ['--labels', 'node-role.kubernetes.io/worker='];
    say(`$ varve node token ${labels.join(' ')}`);
    const output = await varve(['--kubeconfig', paths.kubeconfig, '--output', 'json', 'node', 'token', ...labels], {
      signal,
    });
    const token = JSON.parse(output) as JoinToken;
    // All of them end before any failure is told: what still runs must not write into what is being removed.
    const made = await Promise.allSettled(hostNames.map((name) => this.#host(name, base, token, say)));
    for (const host of made) if (host.status === 'rejected') throw host.reason;
    await kubectl(paths.kubeconfig, ['wait', '--for=condition=Ready', 'node', '--all', '--timeout=120s'], { signal });
    say((await kubectl(paths.kubeconfig, ['get', 'nodes'], { signal })).trimEnd().replaceAll('\n', '\n      '));
  }

  async #host(name: string, base: string, token: JoinToken, say: Say): Promise<void> {
    const { paths, signal } = this.#context;
    const sysroot = paths.host(name);
    await mkdir(sysroot, { recursive: true });
    const create = ['host', 'create', '--sysroot', sysroot, '--image', base];
    say(`$ varve ${create.join(' ')}`);
    await varve([...create, ...this.#registryFlags()], { signal });
    const trust = ['--server', token.server, '--ca-hash', token.caHash];
    const join = ['node', 'join', ...trust, '--name', name, '--sysroot', sysroot];
    say(`$ varve ${join.join(' ')}`);
    // The token is a secret: it is passed in the environment, never on a command line.
    await varve(join, { signal, env: { VARVE_JOIN_TOKEN: token.token } });
    const agent = ['agent', '--sysroot', sysroot];
    say(`$ varve ${agent.join(' ')}`);
    this.#running.push(Background.start(`agent of ${name}`, agent, paths.log(name)));
  }

  async #apply(image: string, say: Say): Promise<void> {
    const { paths, signal } = this.#context;
    for (const name of ['pool.yaml', 'machine-config.yaml']) {
      const manifest = await readFile(join(examples, 'quickstart', name), 'utf8');
      say(`$ kubectl apply -f examples/quickstart/${name}`);
      const input = manifest.replace('osImageURL: IMAGE', `osImageURL: ${image}`);
      say((await kubectl(paths.kubeconfig, ['apply', '-f', '-'], { signal, input })).trim());
    }
  }

  async #rollout(say: Say): Promise<void> {
    const { paths, signal } = this.#context;
    const args = ['--kubeconfig', paths.kubeconfig, '-o', 'json', 'rollout', 'status', pool, '--timeout', '20m'];
    say(`$ varve rollout status ${pool}`);
    await varve(args, { signal, onLine: (line) => say(`${new Date().toTimeString().slice(0, 8)}  ${line}`) });
  }

  async #outcome(say: Say): Promise<void> {
    const { paths, signal } = this.#context;
    for (const name of hostNames) {
      const status = await varve(['host', 'status', '--sysroot', paths.host(name)], { signal });
      say(`${name}:`);
      for (const line of status.split('\n')) say(`  ${line}`);
    }
    await this.#drift(say);
  }

  /** Changes a managed file behind the agent's back, and waits until the control plane shows it. */
  async #drift(say: Say): Promise<void> {
    const { paths, signal } = this.#context;
    const [name] = hostNames;
    const output = await varve(['-o', 'json', 'host', 'status', '--sysroot', paths.host(name)], { signal });
    const { booted } = JSON.parse(output) as { booted: { path: string } };
    const motd = join(booted.path, 'etc', 'motd');
    say(`$ echo 'changed by hand' >> ${motd}`);
    await appendFile(motd, 'changed by hand\n');
    await using client = new KubeClient(await loadKubeconfig(paths.kubeconfig));
    const watch = client.watch(machineConfigNodeResource, {
      fieldSelector: `metadata.name=${name}`,
      signal: AbortSignal.any([signal, AbortSignal.timeout(60_000)]),
    });
    for await (const event of watch) {
      const [drift] = event.type === 'BOOKMARK' ? [] : (event.object.status?.drift ?? []);
      if (drift === undefined) continue;
      say(`${name} reports drift: ${drift.path}: ${drift.message}`);
      return;
    }
    throw new Error(`${name} reported no drift of /etc/motd; its log: ${paths.log(name)}`);
  }
}

/** The port, or a free one when another process has it. */
async function choosePort(preferred: number): Promise<number> {
  for (const port of [preferred, 0]) {
    const server = createServer();
    const free = await new Promise<number | undefined>((resolve) => {
      server.once('error', () => resolve(undefined));
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : undefined);
      });
    });
    await new Promise((resolve) => server.close(resolve));
    if (free !== undefined) return free;
  }
  throw new Error('no free port on 127.0.0.1');
}
