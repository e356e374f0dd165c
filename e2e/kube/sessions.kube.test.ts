// kubectl and a client-go program on both servers: what works on one works on the other.
import spawn from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ControlPlane } from '../control-plane.ts';
import { testSession } from '../kubectl-session.ts';
import { everyKubectl, findOc } from '../kubectls.ts';
import type { Cluster } from './cluster.ts';
import { installManifests } from './install.ts';
import { openCluster } from './open-cluster.ts';
import { buildProgram } from './programs.ts';

const sessionMilliseconds = 180_000;

async function startKubernetes(): Promise<Cluster> {
  const cluster = await openCluster('garbage-collector-controller', 'namespace-controller');
  await installManifests(cluster.kubeconfig, 'crds');
  return cluster;
}

const oc = await findOc();
const paths = [...(await everyKubectl()), await buildProgram('kubectl-newest'), ...(oc === undefined ? [] : [oc])];
const servers = [
  { name: 'varve up', start: () => ControlPlane.start() },
  { name: 'kube-apiserver', start: startKubernetes },
];

describe.each(servers.flatMap((server) => paths.map((path) => ({ ...server, path }))))(
  '$path on $name',
  ({ path, start }) => {
    let server: Cluster | ControlPlane;

    beforeAll(async () => {
      server = await start();
    });

    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
    });

    testSession(path, () => server);
  },
);

test.skipIf(oc !== undefined)(
  'oc on both (skipped: it is not in PATH, and the Go module proxy serves no version of it)',
  (context) => {
    context.skip();
  },
);

test.each(servers)('a client-go program on $name', async ({ start }) => {
  const program = await buildProgram('session');
  await using server = await start();
  const { stdout } = await spawn(program, [], {
    env: { KUBECONFIG: server.kubeconfig },
    stdin: 'ignore',
    timeout: sessionMilliseconds,
  });
  expect(stdout.split('\n')).toEqual([
    'ok discovery',
    'ok create, update, patch and delete by a typed client',
    'ok conflict and retry',
    'ok informer',
    'ok informer of a custom kind',
    'ok server-side apply',
    'ok pages',
    'ok events',
    'ok leader election',
  ]);
});
