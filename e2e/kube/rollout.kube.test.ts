// Varve on a real Kubernetes API server and etcd, as `varve kube manifests` sets it up: rollouts go on, within their
// limits, whichever process of the control plane is killed in the middle of them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Cluster } from './cluster.ts';
import { KubernetesFleet } from './fleet.ts';
import { installManifests } from './install.ts';
import { KubernetesServer } from './kubernetes.ts';
import { isGiven, openCluster } from './open-cluster.ts';

const hosts = ['host-1', 'host-2', 'host-3', 'host-4', 'host-5', 'host-6'];
const maxUnavailable = 2;

let cluster: Cluster;
let fleet: KubernetesFleet;

beforeAll(async () => {
  cluster = await openCluster('*');
  await installManifests(cluster.kubeconfig, 'crds', 'access', 'policies');
  fleet = await KubernetesFleet.start(cluster, { hosts, maxUnavailable });
});

afterAll(async () => {
  await fleet?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

test('hosts join, and a rollout reaches all of them', async () => {
  await fleet.setKernelArgument('first');
  await fleet.rolledOut('first');
  expect(fleet.mostDown).toBeGreaterThan(0);
});

test('another controller goes on after the leader was killed', async () => {
  const leader = await fleet.leader();
  await fleet.setKernelArgument('second');
  await fleet.reached('second', 1);
  await leader.kill();
  await fleet.rolledOut('second');
  expect(await fleet.leader()).not.toBe(leader);
  leader.start();
});

/** Its processes are nobody's to kill but its owner's. */
const notHere = isGiven ? ' (skipped: the control plane is that of KUBECONFIG, and not ours to kill)' : '';

test.skipIf(isGiven)(`a rollout goes on after the API server was killed${notHere}`, async () => {
  const server = builtHere();
  await fleet.setKernelArgument('third');
  await fleet.reached('third', 1);
  await server.apiServer.kill();
  server.apiServer.start();
  await server.ready();
  await fleet.rolledOut('third');
});

test.skipIf(isGiven)(`a rollout goes on after etcd was killed${notHere}`, async () => {
  const server = builtHere();
  await fleet.setKernelArgument('fourth');
  await fleet.reached('fourth', 1);
  await server.etcd.kill();
  server.etcd.start();
  await server.ready();
  await fleet.rolledOut('fourth');
});

function builtHere(): KubernetesServer {
  if (!(cluster instanceof KubernetesServer)) throw new Error('the cluster was not started here');
  return cluster;
}

test('never were more hosts down than the pool allows', () => {
  expect(fleet.mostDown).toBeLessThanOrEqual(maxUnavailable);
  expect(fleet.mostHolding).toBeLessThanOrEqual(maxUnavailable);
});
