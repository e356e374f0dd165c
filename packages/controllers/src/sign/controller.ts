// Keeps every host's signed target true when something else than its spec has changed: the key, a policy, the pool. And
// publishes the chain of keys, from which hosts learn of a new one.
import {
  type ConfigMap,
  configMapResource,
  configurationKeysEntry,
  configurationKeysName,
  type MachineConfigNode,
  machineConfigNodeResource,
  type ObjectMeta,
  signedTargetAnnotation,
} from '@varve/api';
import { isKubeError } from '@varve/kube';
import { type Controller, type ControllerContext, nameOf } from '../context.ts';
import { createQueue } from '../queue.ts';

/** No node has this name: upper-case letters are not allowed in names. */
const publishing = 'KEYS';

export function createSignController(context: ControllerContext): Controller {
  const { informers, logger, targets } = context;
  const queue = createQueue('sign', logger, (key, signal) =>
    key === publishing ? publish(context, signal) : sign(context, key, signal),
  );
  const addAll = (concerned: (pool: string) => boolean) => {
    for (const state of informers.states.list()) if (concerned(state.spec.pool.name)) queue.add(nameOf(state));
  };
  informers.states.onChange((change) => {
    // Statuses change all the time, and are not signed.
    if (change.type === 'updated' && !concernsTarget(change.old, change.object)) return;
    queue.add(change.key);
  });
  informers.pools.onChange((change) => {
    if (change.type === 'updated' && change.old.metadata.generation === change.object.metadata.generation) return;
    addAll((pool) => pool === change.key);
  });
  informers.configurations.onChange(() => addAll(() => true));
  informers.configs.onChange((change) => {
    if (change.type !== 'added') return;
    for (const state of informers.states.list()) {
      if (state.spec.configVersion.desired === change.key) queue.add(nameOf(state));
    }
  });
  informers.keys.onChange(() => queue.add(publishing));
  targets.keys.onChange(() => {
    queue.add(publishing);
    addAll(() => true);
  });
  return {
    run(signal) {
      queue.add(publishing);
      return queue.run(signal);
    },
  };
}

function concernsTarget(old: MachineConfigNode, { metadata }: MachineConfigNode): boolean {
  const signed = ({ annotations }: ObjectMeta) => annotations?.[signedTargetAnnotation];
  return old.metadata.generation !== metadata.generation || signed(old.metadata) !== signed(metadata);
}

/** Written with the resourceVersion that was signed: a spec that has changed since is signed by who changed it. */
async function sign(context: ControllerContext, name: string, signal: AbortSignal): Promise<void> {
  const state = context.informers.states.get(name);
  if (!state || state.metadata.deletionTimestamp) return;
  const signed = context.targets.sign(state);
  if (signed !== state) await context.client.update(machineConfigNodeResource, signed, { signal });
}

async function publish({ client, targets }: ControllerContext, signal: AbortSignal): Promise<void> {
  const { namespace, name } = configurationKeysName;
  const data = { [configurationKeysEntry]: JSON.stringify(targets.keys.current().chain) };
  const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data };
  const present = await client.get(configMapResource, name, { namespace, signal }).catch((error: unknown) => {
    if (!isKubeError(error, 'NOT_FOUND')) throw error;
  });
  if (!present) await client.create(configMapResource, object, { namespace, signal });
  else if (present.data?.[configurationKeysEntry] !== data[configurationKeysEntry]) {
    await client.update(configMapResource, { ...present, data }, { namespace, signal });
  }
}
