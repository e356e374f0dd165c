// Whose targets a host takes: its own name and the configuration keys of its control plane, pinned when it joined. The
// file is root's; everyone may read it, since it holds no secret.
import { type ConfigurationKeys, configurationKeysSchema, followKeys } from '@varve/api';
import * as z from 'zod';
import { AgentError } from '../error.ts';
import { readState, writeDurable } from '../state/durable-file.ts';

export const trustSchema = z.object({ host: z.string().min(1).max(253), keys: configurationKeysSchema });

export interface Trust {
  readonly host: string;
  readonly keys: ConfigurationKeys;
}

/** Undefined on a host that has not joined. */
export async function readTrust(path: string): Promise<Trust | undefined> {
  return await readState(path, trustSchema);
}

/** The trust of a host that joins: the first keys are those that the control plane shows over the pinned connection. */
export async function pinTrust(path: string, host: string, chain: readonly string[]): Promise<void> {
  const first = followKeys(chain, undefined);
  if ('problem' in first) throw untrusted(first.problem);
  await writeTrust(path, { host, keys: first.keys });
}

/**
 * Takes what follows from the keys that the host holds; true when there was something.
 * Throws KEYS_UNTRUSTED, and keeps what it has, when the chain does not follow.
 */
export async function followTrust(path: string, chain: readonly string[]): Promise<boolean> {
  const trust = await readTrust(path);
  if (!trust) return false;
  const next = followKeys(chain, trust.keys);
  if ('problem' in next) throw untrusted(next.problem);
  if (next.keys.version === trust.keys.version) return false;
  await writeTrust(path, { ...trust, keys: next.keys });
  return true;
}

async function writeTrust(path: string, trust: Trust): Promise<void> {
  await writeDurable(path, `${JSON.stringify(trust, undefined, 2)}\n`, 0o644);
}

function untrusted(problem: string): AgentError {
  return new AgentError(
    'KEYS_UNTRUSTED',
    `the control plane's configuration keys are refused: ${problem}; the keys that this host holds stay in force: look at the control plane, and join the host again only if its keys were lost`,
  );
}
