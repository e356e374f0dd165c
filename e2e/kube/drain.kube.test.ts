// Rollouts on hosts with pods: a Deployment under a PodDisruptionBudget, on kubelets that kwok simulates. No host goes down
// with pods on it, no budget is broken, and a budget that could never be met is named before anything is cordoned.
import { nodeResource, type Pod, podDisruptionBudgetResource, podResource } from '@varve/api';
import { Informer } from '@varve/kube';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, varve } from '../process.ts';
import type { Cluster } from './cluster.ts';
import { KubernetesFleet } from './fleet.ts';
import { installManifests } from './install.ts';
import { openCluster } from './open-cluster.ts';
import { schedulePods } from './scheduler.ts';

const hosts = ['host-1', 'host-2', 'host-3', 'host-4'];
const replicas = 6;
const minAvailable = 4;
const annotation = 'varve.dev/simulated';
const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';

let cluster: Cluster;
let fleet: KubernetesFleet;
let pods: Informer<Pod>;
const stop = new AbortController();
const running: Promise<unknown>[] = [];
let fewestAvailable = replicas;
const downWithPods: string[] = [];

beforeAll(async () => {
  cluster = await openCluster('*');
  await installManifests(cluster.kubeconfig, 'crds', 'access', 'policies');
  fleet = await KubernetesFleet.start(cluster, {
    hosts,
    maxUnavailable: 2,
    annotations: { [annotation]: 'true' },
    onDown: (host) => downWithPods.push(...podsOn(host).map(({ metadata }) => `${metadata.name} on ${host}`)),
  });
  // Now, since it overlooks Nodes that get their annotation while it watches.
  await cluster.startKwok(`${annotation}=true`);
  pods = new Informer(fleet.client, podResource);
  running.push(pods.start(stop.signal), schedulePods(fleet.client, stop.signal));
  await pods.synced();
  await fleet.setKernelArgument('zero');
  await fleet.rolledOut('zero');
  await createWorkload();
  pods.onChange(() => {
    fewestAvailable = Math.min(fewestAvailable, available().length);
  });
});

afterAll(async () => {
  stop.abort();
  await Promise.allSettled(running);
  await fleet?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

test('hosts are emptied before they go down, within the budget', async () => {
  await fleet.setKernelArgument('first');
  await fleet.rolledOut('first');
  expect(downWithPods).toEqual([]);
  expect(fewestAvailable).toBeGreaterThanOrEqual(minAvailable);
  expect(fewestAvailable).toBeLessThan(replicas);
  await eventually('no host is cordoned', async () => (await cordoned()).length === 0);
});

test('another controller goes on with a drain after the leader was killed', async () => {
  await fleet.setKernelArgument('second');
  await eventually('a host is cordoned', async () => (await cordoned()).length > 0);
  const leader = await fleet.leader();
  await leader.kill();
  await fleet.rolledOut('second');
  leader.start();
  expect(downWithPods).toEqual([]);
  expect(fewestAvailable).toBeGreaterThanOrEqual(minAvailable);
  await eventually('no host is cordoned', async () => (await cordoned()).length === 0);
});

test('a host that somebody else has cordoned waits for them, and stays cordoned', async () => {
  await fleet.client.patch(nodeResource, 'host-1', { spec: { unschedulable: true } });
  await fleet.setKernelArgument('third');
  await fleet.reached('third', hosts.length - 1);
  await eventually('only that one is cordoned', async () => (await cordoned()).length === 1);
  expect(await cordoned()).toEqual(['host-1']);
  await fleet.client.patch(nodeResource, 'host-1', { spec: { unschedulable: null } });
  await fleet.rolledOut('third');
  await eventually('no host is cordoned', async () => (await cordoned()).length === 0);
});

test('a budget that no drain could meet is named, and nothing is cordoned', async () => {
  await setBudget(replicas);
  await budgetAllows(0);
  await fleet.setKernelArgument('fourth');
  const why = await eventually('somebody says why', async () => {
    const texts = await Promise.all(hosts.map((host) => varve(['why', host, '--kubeconfig', cluster.kubeconfig])));
    return texts.find((text) => text.includes('default/web'));
  });
  expect(why).toContain('PodDisruptionBudget');
  expect(await cordoned()).toEqual([]);
  await setBudget(minAvailable);
  await fleet.rolledOut('fourth');
  expect(downWithPods).toEqual([]);
});

async function createWorkload(): Promise<void> {
  const labels = { app: 'web' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } };
  await fleet.client.raw('/apis/apps/v1/namespaces/default/deployments', {
    method: 'POST',
    body: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { replicas, selector: { matchLabels: labels }, template },
    },
  });
  await fleet.client.raw(budgets, {
    method: 'POST',
    body: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web' },
      spec: { minAvailable, selector: { matchLabels: labels } },
    },
  });
  await eventually('the pods run', async () => available().length === replicas);
  await budgetAllows(replicas - minAvailable);
}

async function setBudget(count: number): Promise<void> {
  const options = { namespace: 'default' };
  await fleet.client.patch(podDisruptionBudgetResource, 'web', { spec: { minAvailable: count } }, options);
}

/** Until kube-controller-manager has counted, a budget says nothing, or what held for an older spec. */
async function budgetAllows(disruptions: number): Promise<void> {
  await eventually(`the budget allows ${disruptions}`, async () => {
    const { metadata, status } = await fleet.client.get(podDisruptionBudgetResource, 'web', { namespace: 'default' });
    return status?.observedGeneration === metadata.generation && status?.disruptionsAllowed === disruptions;
  });
}

function available(): Pod[] {
  return pods.list().filter(({ metadata, status }) => {
    const isReady = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
    return metadata.labels?.app === 'web' && metadata.deletionTimestamp === undefined && isReady;
  });
}

function podsOn(host: string): Pod[] {
  return (pods?.list() ?? []).filter(({ metadata, spec }) => {
    return spec?.nodeName === host && metadata.deletionTimestamp === undefined;
  });
}

async function cordoned(): Promise<string[]> {
  const { items } = await fleet.client.list(nodeResource);
  return items.filter(({ spec }) => spec?.unschedulable === true).map(({ metadata }) => metadata.name ?? '');
}
