// The two servers that are compared. Each is started with an empty disk, and is alone while it is measured.
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubernetesServer } from '../../e2e/kube/kubernetes.ts';
import { Daemon, freePort } from '../../e2e/process.ts';
import { StateDirectory } from '../../packages/server/src/state-directory.ts';
import { bundleProgram, nodeOptions } from '../../scripts/build-image/build.ts';
import { readUsage } from '../agent/usage.ts';
import type { Target } from './job.ts';

export interface Server extends AsyncDisposable {
  readonly target: Target;
  /** Seconds from the start of its processes until it says that it is ready, with what is on its disk. */
  restart(): Promise<number>;
  /** Resident bytes of its processes. */
  memory(): Promise<number>;
}

const readyMilliseconds = 180_000;

/** The API server alone. */
export function startEmbedded(): Promise<Server> {
  const entry = join(import.meta.dirname, 'embedded-process.ts');
  return startBundled('embedded', entry, (state, port) => [state, port]);
}

/** The whole of `varve up`, as people start it. */
export function startUp(): Promise<Server> {
  const entry = join(import.meta.dirname, '../../packages/cli/src/main.ts');
  return startBundled('varve', entry, (state, port) => ['up', '--state', state, '--listen', `127.0.0.1:${port}`]);
}

/** Scripts and options of Node are those of the image: the compiler that strips types from sources is no part of the server. */
async function startBundled(
  name: string,
  entry: string,
  argumentsOf: (state: string, port: string) => readonly string[],
): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-bench-api-'));
  const dispose = () => rm(directory, { recursive: true, force: true });
  try {
    const path = join(directory, 'state');
    const state = await StateDirectory.open(path);
    const authority = await state.authority();
    const { certificate: cert, key } = await state.administratorCredential(authority);
    const port = String(await freePort());
    const script = await bundleProgram(entry, directory, name);
    const args = [...nodeOptions, script, ...argumentsOf(path, port)];
    const daemon = new Daemon(name, process.execPath, args, join(directory, 'log'));
    const target = { server: `https://127.0.0.1:${port}`, ca: authority.certificate, cert, key };
    daemon.start();
    await ready(target, [daemon]);
    return serverOf(target, [daemon], async () => {
      await daemon.stop();
      await dispose();
    });
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** kube-apiserver with etcd, from the cache or built. */
export async function startKubernetes(): Promise<Server> {
  const server = await KubernetesServer.start();
  const { ca = '', cert = '', key = '' } = await server.credential('bench', 'system:masters');
  const target = { server: server.url, ca, cert, key };
  return serverOf(target, [server.etcd, server.apiServer], () => server[Symbol.asyncDispose]());
}

function serverOf(target: Target, daemons: readonly Daemon[], dispose: () => Promise<void>): Server {
  return {
    target,
    async restart() {
      for (const daemon of daemons.toReversed()) await daemon.stop();
      const start = performance.now();
      for (const daemon of daemons) daemon.start();
      await ready(target, daemons);
      return (performance.now() - start) / 1000;
    },
    async memory() {
      const usages = await Promise.all(daemons.map(({ pid }) => readUsage(pid ?? 0)));
      return usages.reduce((sum, { resident }) => sum + resident, 0);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function ready(target: Target, daemons: readonly Daemon[]): Promise<void> {
  for (const end = performance.now() + readyMilliseconds; performance.now() < end; ) {
    if ((await statusOf(target).catch(() => 0)) === 200) return;
    const ended = daemons.find(({ running }) => !running);
    if (ended) throw new Error(`${ended.name} has ended`);
    await sleep(10);
  }
  throw new Error(`${target.server} is not ready after ${readyMilliseconds / 1000} s`);
}

/** A connection of its own each time: a server that has just started has none to keep. */
function statusOf({ server, ca, cert, key }: Target): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(`${server}/readyz`, { ca, cert, key, agent: false, timeout: 5_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer')));
    asked.once('error', reject);
    asked.end();
  });
}
