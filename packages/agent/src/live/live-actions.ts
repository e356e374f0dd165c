// Whether a config can be applied to the running host, and what has to be done for it. Pure: the reconciler plans by it,
// and the driver, which does not trust who asks, checks by it again.
import {
  type Action,
  type DisruptionPolicy,
  decideFromFingerprint,
  fingerprintConfig,
  isLive,
  type MachineConfigSpec,
  parseIgnition,
} from '@varve/api';
import type { AppliedConfig } from '../content/entry.ts';
import type { HostState } from '../driver/driver.ts';

export interface LiveTarget {
  /** By digest; undefined when the config leaves the host on the image that it runs. */
  readonly image?: string | undefined;
  readonly spec: MachineConfigSpec;
  readonly disruption?: DisruptionPolicy | undefined;
}

/** Undefined when the config needs a boot: another image, other kernel arguments, or a change whose rule says so. */
export function liveActions(host: Pick<HostState, 'booted'>, target: LiveTarget): Action[] | undefined {
  const { applied, imageDigest } = host.booted;
  // What is not known to have been applied cannot be told from what is to come.
  if (!applied?.fingerprint || applied.config === undefined) return undefined;
  if (target.image !== undefined && !(imageDigest && target.image.endsWith(`@${imageDigest}`))) return undefined;
  if (changesShape(applied, target.spec)) return undefined;
  // The images themselves were compared; two configs may name one in two ways.
  const { image: _old, ...old } = applied.fingerprint;
  const { image: _next, ...next } = fingerprintConfig(target.spec);
  const actions = decideFromFingerprint(old, next, target.disruption);
  return isLive(actions) ? actions : undefined;
}

/** A directory in the place of a file, or the other way round, cannot be swapped in one step; a new deployment can have it. */
function changesShape({ entries }: AppliedConfig, spec: MachineConfigSpec): boolean {
  const { files = [], links = [], directories = [] } = parseIgnition(spec.config)?.storage ?? {};
  const leaves = new Set([...files, ...links].map(({ path }) => path));
  const paths = [...leaves, ...directories.map(({ path }) => path)];
  return entries.some(({ kind, path }) =>
    kind === 'directory'
      ? leaves.has(path)
      : paths.some((other) => other.startsWith(`${path}/`)) || directories.some((directory) => directory.path === path),
  );
}
