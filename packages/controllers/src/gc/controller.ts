// Deletes what nothing needs any more, now and then: rendered configs and certificate requests.
import {
  certificateSigningRequestResource,
  type KubeObject,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  type ResourceDefinition,
} from '@varve/api';
import { isKubeError } from '@varve/kube';
import { type Controller, type ControllerContext, nameOf } from '../context.ts';
import { createQueue } from '../queue.ts';
import { oldRequests } from './old-requests.ts';
import { unreferencedConfigs } from './unreferenced.ts';

/** Milliseconds between two looks. */
const interval = 10 * 60_000;

export interface GarbageOptions {
  /** False where kube-controller-manager clears certificate requests away. */
  readonly requests: boolean;
}

export function createGarbageController(context: ControllerContext, { requests }: GarbageOptions): Controller {
  const queue = createQueue('gc', context.logger, async (key, signal) => {
    await collectConfigs(context, signal);
    if (requests) await collectRequests(context, signal);
    queue.addAfter(key, interval);
  });
  return {
    run(signal) {
      queue.addAfter('all', interval);
      return queue.run(signal);
    },
  };
}

/** The cache says whether there is anything to do; the server itself says what. */
async function collectConfigs(context: ControllerContext, signal: AbortSignal): Promise<void> {
  const { client, informers } = context;
  const now = new Date();
  const { configs, pools, states } = informers;
  if (unreferencedConfigs(configs.list(), pools.list(), states.list(), now).length === 0) return;
  // In this order: a reference that is made after the configs were listed is in the later lists.
  const rendered = await client.list(machineConfigResource, { signal });
  const users = await client.list(machineConfigPoolResource, { signal });
  const hosts = await client.list(machineConfigNodeResource, { signal });
  for (const config of unreferencedConfigs(rendered.items, users.items, hosts.items, now)) {
    await remove(context, machineConfigResource, config, signal);
  }
}

async function collectRequests(context: ControllerContext, signal: AbortSignal): Promise<void> {
  for (const request of oldRequests(context.informers.requests.list(), new Date())) {
    await remove(context, certificateSigningRequestResource, request, signal);
  }
}

/** Exactly this object, and not another one that was made under its name since. */
async function remove<T extends KubeObject>(
  { client, logger }: ControllerContext,
  definition: ResourceDefinition<T>,
  object: T,
  signal: AbortSignal,
): Promise<void> {
  const { uid } = object.metadata;
  try {
    await client.delete(definition, nameOf(object), { ...(uid !== undefined && { uid }), signal });
    logger.info({ kind: definition.kind, name: nameOf(object) }, 'deleted what nothing needs any more');
  } catch (error) {
    if (!isKubeError(error, 'NOT_FOUND', 'CONFLICT')) throw error;
  }
}
