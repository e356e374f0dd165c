// The cluster that KUBECONFIG names. It must be there for tests alone: they take Varve's kinds, Nodes and whatever else
// they have made with them when they end.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentNamespace, systemNamespace } from '@varve/deploy';
import { loadKubeconfig } from '@varve/kube';
import { type Daemon, run, varve } from '../process.ts';
import type { Cluster, Endpoint } from './cluster.ts';
import { startKwok } from './kwok.ts';

/** Kinds of which tests leave objects behind, and where. */
const places = [
  ['default', 'deployments,poddisruptionbudgets,configmaps,secrets,pods'],
  ['kube-system', 'secrets'],
  ['kube-public', 'configmaps'],
  ['kube-node-lease', 'leases'],
  ['', 'nodes,namespaces,certificatesigningrequests'],
] as const;
const deletionTimeout = '--timeout=180s';
const atOnce = ['--force', '--grace-period=0'];

export class GivenCluster implements Cluster {
  readonly kubeconfig: string;
  readonly directory: string;
  readonly endpoint: Endpoint;
  readonly #before: ReadonlySet<string>;
  readonly #daemons: Daemon[] = [];

  private constructor(kubeconfig: string, directory: string, endpoint: Endpoint, before: ReadonlySet<string>) {
    this.kubeconfig = kubeconfig;
    this.directory = directory;
    this.endpoint = endpoint;
    this.#before = before;
  }

  /** Refuses a cluster on which somebody uses these kinds: the end of the tests would take them away. */
  static async open(kubeconfig: string): Promise<GivenCluster> {
    const { server, ca } = await loadKubeconfig(kubeconfig);
    if (ca === undefined) throw new Error(`${kubeconfig} names no certificate authority, which hosts need to join`);
    const kinds = ['get', 'customresourcedefinitions', '--output=name'];
    const present = await run('kubectl', '--kubeconfig', kubeconfig, ...kinds);
    if (present.includes('.machineconfiguration.openshift.io')) {
      throw new Error(`the cluster of ${kubeconfig} has these kinds already; the tests need one that nobody uses`);
    }
    const directory = await mkdtemp(join(tmpdir(), 'varve-given-cluster-'));
    return new GivenCluster(kubeconfig, directory, { server, ca }, new Set(await objectsOf(kubeconfig)));
  }

  async startKwok(annotation: string): Promise<void> {
    this.#daemons.push(await startKwok(this.kubeconfig, annotation, this.directory));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await daemon.stop();
    const kubectl = (...args: string[]) => run('kubectl', '--kubeconfig', this.kubeconfig, ...args);
    const remove = (...args: string[]) => kubectl('delete', '--ignore-not-found', deletionTimeout, ...args);
    const path = join(this.directory, 'manifests.yaml');
    const removeParts = async (...parts: string[]) => {
      await writeFile(path, await varve(['kube', 'manifests', ...parts.flatMap((part) => ['--part', part])]));
      await remove('-f', path);
    };
    // First: policies of kinds that are gone would refuse what they cannot look at.
    await removeParts('policies', 'control-plane', 'agents');
    // Pods of hosts without kubelets would never end by themselves.
    for (const namespace of [systemNamespace, agentNamespace]) {
      await remove('pods', '--all', '--namespace', namespace, ...atOnce);
    }
    await removeParts('access', 'crds');
    for (const object of await objectsOf(this.kubeconfig)) {
      if (this.#before.has(object)) continue;
      const [namespace = '', name = ''] = object.split(' ');
      const scope = namespace === '' ? [] : ['--namespace', namespace];
      await remove(...scope, name, ...(name.startsWith('pod/') ? atOnce : []));
    }
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Each as `NAMESPACE KIND/NAME`. */
async function objectsOf(kubeconfig: string): Promise<string[]> {
  const objects: string[] = [];
  for (const [namespace, kinds] of places) {
    const scope = namespace === '' ? [] : ['--namespace', namespace];
    const names = await run('kubectl', '--kubeconfig', kubeconfig, 'get', kinds, '--output=name', ...scope);
    objects.push(...names.split('\n').flatMap((name) => (name === '' ? [] : [`${namespace} ${name}`])));
  }
  return objects;
}
