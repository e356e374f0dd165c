// The chain of configuration keys as the control plane publishes it.
import { setTimeout as sleep } from 'node:timers/promises';
import { configMapResource, configurationKeysEntry, configurationKeysName, parseKeyChain } from '@varve/api';
import { isKubeError, type KubeClient } from '@varve/kube';
import { AgentError } from '../error.ts';

/** A control plane that has just started publishes a moment later. */
const attempts = 60;
const pauseMilliseconds = 500;

/** Waits a while for a control plane that publishes nothing yet. Throws KEYS_UNTRUSTED when it does not begin to. */
export async function fetchKeyChain(client: KubeClient, signal: AbortSignal): Promise<string[]> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const chain = await readKeyChain(client, signal);
    if (chain.length > 0) return chain;
    await sleep(pauseMilliseconds, undefined, { signal });
  }
  throw new AgentError(
    'KEYS_UNTRUSTED',
    'the control plane publishes no configuration keys, so that this host could check no target; see that its controllers run, then join again',
  );
}

/** What is published now; empty when nothing is. */
export async function readKeyChain(client: KubeClient, signal: AbortSignal): Promise<string[]> {
  const { namespace, name } = configurationKeysName;
  try {
    const { data } = await client.get(configMapResource, name, { namespace, signal });
    return parseKeyChain(data?.[configurationKeysEntry] ?? '');
  } catch (error) {
    if (isKubeError(error, 'NOT_FOUND')) return [];
    throw error;
  }
}
