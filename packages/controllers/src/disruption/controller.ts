// Writes into MachineConfiguration `cluster` which rules hold, built-in ones included, for people and for tools of the
// reference implementation, which wait for them (machine-config-operator pkg/operator/sync.go, syncMachineConfiguration).
// Hosts learn the rules from their signed targets.
import {
  canonicalJson,
  disruptionPolicyOf,
  type MachineConfiguration,
  machineConfigurationName,
  machineConfigurationResource,
  rulesInForce,
} from '@varve/api';
import type { Controller, ControllerContext } from '../context.ts';
import { createQueue } from '../queue.ts';

export function createDisruptionController(context: ControllerContext): Controller {
  const { client, informers, logger } = context;
  const queue = createQueue('disruption', logger, async (key, signal) => {
    const configuration = informers.configurations.get(key);
    if (!configuration || configuration.metadata.deletionTimestamp) return;
    const status = statusOf(configuration);
    if (canonicalJson(status) === canonicalJson(configuration.status ?? {})) return;
    await client.updateStatus(machineConfigurationResource, { ...configuration, status }, { signal });
    logger.info({ generation: status.observedGeneration }, 'wrote which disruption rules hold');
  });
  informers.configurations.onChange(({ type, key }) => {
    if (type !== 'deleted' && key === machineConfigurationName) queue.add(key);
  });
  return { run: (signal) => queue.run(signal) };
}

/** What others have written into it stays. */
export function statusOf(configuration: MachineConfiguration): NonNullable<MachineConfiguration['status']> {
  const { metadata, status } = configuration;
  return {
    ...status,
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    nodeDisruptionPolicyStatus: { clusterPolicies: { ...rulesInForce(disruptionPolicyOf(configuration)) } },
  };
}
