// Whether a host has to be drained for its update. Pure. The host decides again what its change takes, by the same rules.
import {
  type DisruptionPolicy,
  decideFromFingerprint,
  fingerprintConfig,
  type MachineConfigNode,
  type MachineConfigSpec,
  needsDrain,
  parseIgnition,
} from '@varve/api';

/** `current` is the rendered config that the host runs; undefined when nobody knows it (any more). */
export function updateNeedsDrain(
  { status }: Pick<MachineConfigNode, 'status'>,
  current: MachineConfigSpec | undefined,
  next: MachineConfigSpec,
  policy: DisruptionPolicy | undefined,
): boolean {
  if (!current || changesShape(current, next)) return true;
  const digest = status?.booted?.imageDigest;
  if (next.osImageURL && !(digest && next.osImageURL.endsWith(`@${digest}`))) return true;
  // The images themselves were compared; two configs may name one in two ways.
  const { image: _old, ...before } = fingerprintConfig(current);
  const { image: _next, ...after } = fingerprintConfig(next);
  return needsDrain(decideFromFingerprint(before, after, policy));
}

/** A directory in the place of a file, or the other way round, takes a new deployment, and so a boot. */
function changesShape(current: MachineConfigSpec, next: MachineConfigSpec): boolean {
  const [before, after] = [pathsOf(current), pathsOf(next)];
  return (
    after.leaves.some((path) => before.directories.has(path)) ||
    before.leaves.some((path) => after.directories.has(path))
  );
}

/** Paths of files and links; and of directories, those above a managed path included. */
function pathsOf(spec: MachineConfigSpec) {
  const { files = [], links = [], directories = [] } = parseIgnition(spec.config)?.storage ?? {};
  const leaves = [...files, ...links].map(({ path }) => path);
  const above = new Set<string>();
  for (const path of [...leaves, ...directories.map((directory) => `${directory.path}/`)]) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) above.add(path.slice(0, end));
  }
  return { leaves, directories: above };
}
