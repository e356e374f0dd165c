// What is desired: the newest MachineConfigNode and the rendered config that it names, or what was accepted before.
import { type MachineConfigNode, type MachineConfigSpec, machineConfigResource } from '@varve/api';
import { isKubeError, type KubeClient } from '@varve/kube';
import { readState, writeState } from '../state/durable-file.ts';
import type { StatePaths } from '../state/paths.ts';
import { acceptDesired, type Desired, desiredSchema, withConfig } from './desired.ts';

export interface DesiredSource {
  /** The newest object that the watch has brought; undefined while the control plane was not reached. */
  readonly node: MachineConfigNode | undefined;
  readonly client: KubeClient | undefined;
}

export interface LoadedDesired {
  readonly desired: Desired | undefined;
  /** True when a newer target is known but its config could not be fetched yet. */
  readonly incomplete: boolean;
}

/** Accepts the newest object durably before anything acts on it. `onStale` is told of an object that is refused. */
export async function loadDesired(
  source: DesiredSource,
  paths: StatePaths,
  onStale: (message: string) => void,
  signal: AbortSignal,
): Promise<LoadedDesired> {
  const previous = await readState(paths.desired, desiredSchema);
  if (!source.node || !source.client) return { desired: previous, incomplete: false };
  const acceptance = acceptDesired(source.node, previous);
  if (acceptance.kind === 'stale') onStale(acceptance.message);
  if (acceptance.kind !== 'accepted') return { desired: previous, incomplete: false };
  const { target } = acceptance;
  const spec = acceptance.spec ?? (await fetchSpec(source.client, target.config, signal));
  if (!spec) return { desired: previous, incomplete: true };
  const desired = withConfig(target, spec);
  await writeState(paths.desired, desired);
  return { desired, incomplete: false };
}

/** Undefined while the control plane is away: that is no failure of this host. */
async function fetchSpec(
  client: KubeClient,
  config: string,
  signal: AbortSignal,
): Promise<MachineConfigSpec | undefined> {
  try {
    return (await client.get(machineConfigResource, config, { signal })).spec;
  } catch (error) {
    signal.throwIfAborted();
    if (isKubeError(error, 'UNREACHABLE', 'TIMEOUT', 'UNAVAILABLE', 'SERVER_ERROR', 'TOO_MANY_REQUESTS'))
      return undefined;
    throw error;
  }
}
