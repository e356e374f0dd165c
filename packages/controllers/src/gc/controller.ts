// Deletes rendered configs that nothing refers to, now and then. Before each deletion it looks at the server itself.
import { machineConfigNodeResource, machineConfigPoolResource, machineConfigResource } from '@varve/api';
import { isKubeError } from '@varve/kube';
import { type Controller, type ControllerContext, nameOf } from '../context.ts';
import { createQueue } from '../queue.ts';
import { unreferencedConfigs } from './unreferenced.ts';

/** Milliseconds between two looks. */
const interval = 10 * 60_000;

export function createGarbageController(context: ControllerContext): Controller {
  const queue = createQueue('gc', context.logger, async (key, signal) => {
    await collect(context, signal);
    queue.addAfter(key, interval);
  });
  queue.addAfter('all', interval);
  return { run: (signal) => queue.run(signal) };
}

async function collect({ client, informers, logger }: ControllerContext, signal: AbortSignal): Promise<void> {
  const now = new Date();
  const { configs, pools, states } = informers;
  if (unreferencedConfigs(configs.list(), pools.list(), states.list(), now).length === 0) return;
  // In this order: a reference that is made after the configs were listed is in the later lists.
  const rendered = await client.list(machineConfigResource, { signal });
  const users = await client.list(machineConfigPoolResource, { signal });
  const hosts = await client.list(machineConfigNodeResource, { signal });
  for (const config of unreferencedConfigs(rendered.items, users.items, hosts.items, now)) {
    const { uid } = config.metadata;
    try {
      await client.delete(machineConfigResource, nameOf(config), { ...(uid !== undefined && { uid }), signal });
      logger.info({ config: nameOf(config) }, 'deleted a rendered config that nothing refers to');
    } catch (error) {
      if (!isKubeError(error, 'NOT_FOUND', 'CONFLICT')) throw error;
    }
  }
}
