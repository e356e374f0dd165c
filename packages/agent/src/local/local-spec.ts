// Configs of hosts that nobody else configures: made by `varve host`, named by their content, and kept for as long as a
// deployment has them, so that the next change goes on from what runs, whichever deployment that is.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  canonicalJson,
  digestConfig,
  fingerprintConfig,
  type MachineConfigSpec,
  machineConfigSpecSchema,
} from '@varve/api';
import type { HostState } from '../driver/driver.ts';
import { AgentError } from '../error.ts';
import { keptDesiredSchema } from '../reconcile/desired.ts';
import { isErrno, readState, removeDurable, writeState } from '../state/durable-file.ts';
import type { StatePaths } from '../state/paths.ts';

const prefix = 'local-';

export function localConfigName(spec: MachineConfigSpec): string {
  return `${prefix}${digestConfig(spec).slice('sha256:'.length, 'sha256:'.length + 12)}`;
}

/** The spec behind the config that the host runs. Throws CONFIG_UNSUPPORTED when nobody here knows it any more. */
export async function bootedSpec(paths: StatePaths, { booted }: HostState): Promise<MachineConfigSpec> {
  const { config, fingerprint } = booted.applied ?? {};
  if (config === undefined) return {};
  const local = await readState(fileOf(paths, config), machineConfigSpecSchema);
  if (local) return local;
  const desired = await readState(paths.desired, keptDesiredSchema);
  if (desired && fingerprint && canonicalJson(fingerprintConfig(desired.spec)) === canonicalJson(fingerprint)) {
    return desired.spec;
  }
  throw new AgentError(
    'CONFIG_UNSUPPORTED',
    `this host does not know any more what ${config} says, and would lose it; change the config where it was made`,
  );
}

export async function keepLocalSpec(paths: StatePaths, spec: MachineConfigSpec): Promise<string> {
  const name = localConfigName(spec);
  await writeState(fileOf(paths, name), spec);
  return name;
}

/** Forgets the configs that no deployment has. */
export async function forgetLocalSpecs(paths: StatePaths, { deployments, staged }: HostState): Promise<void> {
  const used = new Set([staged?.config, ...deployments.map(({ applied }) => applied?.config)]);
  for (const file of await readdir(paths.local).catch(noneWhenAbsent)) {
    if (!used.has(file.replace(/\.json$/, ''))) await removeDurable(join(paths.local, file));
  }
}

function fileOf(paths: StatePaths, config: string): string {
  return join(paths.local, `${config}.json`);
}

function noneWhenAbsent(error: unknown): string[] {
  if (isErrno(error, 'ENOENT')) return [];
  throw error;
}
