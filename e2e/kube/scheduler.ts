// Gives pods to hosts as kube-scheduler would, in as few words as the tests need: to the one with the fewest pods of those
// that are Ready and not cordoned.
import { type Node, nodeResource, type Pod, podResource } from '@varve/api';
import { Informer, isKubeError, type KubeClient } from '@varve/kube';

/** Runs until the abort. */
export async function schedulePods(client: KubeClient, signal: AbortSignal): Promise<void> {
  const nodes = new Informer(client, nodeResource);
  const pods = new Informer(client, podResource);
  let wake = Promise.withResolvers<void>();
  for (const informer of [nodes, pods]) informer.onChange(() => wake.resolve());
  signal.addEventListener('abort', () => wake.resolve(), { once: true });
  const running = [nodes.start(signal), pods.start(signal)];
  await Promise.all([nodes.synced(), pods.synced()]);
  while (!signal.aborted) {
    wake = Promise.withResolvers();
    const load = loadOf(nodes.list(), pods.list());
    for (const pod of pods.list().filter(isUnbound)) {
      const [name] = [...load].toSorted(([, a], [, b]) => a - b)[0] ?? [];
      if (name === undefined) break;
      load.set(name, (load.get(name) ?? 0) + 1);
      await bind(client, pod, name, signal);
    }
    await wake.promise;
  }
  await Promise.allSettled(running);
}

function isUnbound({ metadata, spec }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && (spec?.nodeName ?? '') === '';
}

/** Pods of each host that takes more. */
function loadOf(nodes: readonly Node[], pods: readonly Pod[]): Map<string, number> {
  const open = nodes.filter(({ spec, status }) => {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    return spec?.unschedulable !== true && ready?.status === 'True';
  });
  const load = new Map(open.map(({ metadata }) => [metadata.name ?? '', 0]));
  for (const { spec } of pods) {
    const count = load.get(spec?.nodeName ?? '');
    if (count !== undefined) load.set(spec?.nodeName ?? '', count + 1);
  }
  return load;
}

/** core/v1 Binding. Another loop of this one may have been faster. */
async function bind(client: KubeClient, { metadata }: Pod, node: string, signal: AbortSignal): Promise<void> {
  const { name, namespace } = metadata;
  const body = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace },
    target: { apiVersion: 'v1', kind: 'Node', name: node },
  };
  try {
    await client.raw(`/api/v1/namespaces/${namespace}/pods/${name}/binding`, { method: 'POST', body, signal });
  } catch (error) {
    if (!signal.aborted && !isKubeError(error)) throw error;
  }
}
