// What a rendered config puts on this host, as plain data: the first half of the preflight. Whatever this agent cannot
// do is refused here, with the path of the field, before anything is fetched or touched.
import { posix } from 'node:path';
import {
  ApiError,
  type IgnitionConfig,
  type IgnitionUnit,
  type KernelArgumentChange,
  kernelArgumentChangeOf,
  type MachineConfigSpec,
  parseIgnition,
  validateMachineConfig,
} from '@varve/api';
import { AgentError } from '../error.ts';
import type { Source } from './source.ts';

/** A numeric id, or a name that is looked up in the deployment's own passwd or group file. */
export type Owner = number | string;

interface Planned {
  readonly path: string;
  readonly user: Owner;
  readonly group: Owner;
}
export interface PlannedFile extends Planned {
  readonly mode: number;
  readonly source: Source;
}
export interface PlannedDirectory extends Planned {
  readonly mode: number;
}
export interface PlannedLink extends Planned {
  readonly target: string;
}
export interface PlannedUnit {
  readonly name: string;
  readonly state: 'enabled' | 'disabled' | 'masked';
}

/** The user `core`: the only one whose keys and password a config may change. */
export interface PlannedUser {
  readonly name: string;
  /** Content of the file of authorized keys; absent when the config names none. */
  readonly authorizedKeys?: string;
  /** crypt(5) hash; absent when the config leaves the image's own. */
  readonly passwordHash?: string;
}

/** What a host's tools can do beyond files, units and kernel arguments. */
export interface HostAbilities {
  /** Another kernel than the image's, and packages beside it, from an extensions image. */
  readonly extensions: boolean;
}

export interface ContentPlan {
  /** Parents before children. */
  readonly directories: readonly PlannedDirectory[];
  /** Managed files, then the files and drop-ins of units. */
  readonly files: readonly PlannedFile[];
  readonly links: readonly PlannedLink[];
  /** Units whose state the config gives; others keep the image's. */
  readonly units: readonly PlannedUnit[];
  readonly user: PlannedUser | undefined;
  readonly kernelArguments: KernelArgumentChange;
}

export const unitDirectory = '/etc/systemd/system';
/** Trees that a config may write: of the deployment, and beside it, where all deployments share them. */
const managedTrees = ['/etc', '/var', '/usr/local', '/opt'];
/** A host whose image is all it has. */
export const imageOnly: HostAbilities = { extensions: false };
/** Defaults of Ignition (coreos/ignition docs/configuration-v3_5.md). */
const defaultFileMode = 0o644;
const defaultDirectoryMode = 0o755;

/** Throws CONFIG_INVALID (of @varve/api) or CONFIG_UNSUPPORTED with the field's path. */
export function planContent(spec: MachineConfigSpec, abilities = imageOnly): ContentPlan {
  const [violation] = validateMachineConfig({ metadata: {}, spec }, undefined);
  if (violation) throw invalid(violation.field, violation.message);
  refuseHostTypes(spec, abilities);
  const ignition = parseIgnition(spec.config);
  const units = ignition?.systemd?.units ?? [];
  const plan: ContentPlan = {
    directories: planDirectories(ignition),
    files: [...planFiles(ignition), ...units.flatMap(unitFiles)],
    links: planLinks(ignition),
    units: units.flatMap(unitState),
    user: planUser(ignition),
    kernelArguments: kernelArgumentChangeOf(spec),
  };
  refuseConflicts(plan);
  return plan;
}

/** Whether the path lies in a tree that every deployment of the host shares, and is kept out of OSTree's sight. */
export function isShared(path: string): boolean {
  return !path.startsWith('/etc/');
}

function refuseHostTypes(spec: MachineConfigSpec, abilities: HostAbilities): void {
  if (spec.fips) throw unsupported('spec.fips', 'FIPS mode is chosen when a host is installed');
  if (abilities.extensions) return;
  if (spec.kernelType && spec.kernelType !== 'default') {
    throw unsupported('spec.kernelType', 'install the kernel in the Containerfile');
  }
  if (spec.extensions && spec.extensions.length > 0) {
    throw unsupported('spec.extensions', 'install the packages in the Containerfile');
  }
}

function planDirectories(ignition: IgnitionConfig | undefined): PlannedDirectory[] {
  const directories = (ignition?.storage?.directories ?? []).map((directory, index) => ({
    ...planEntry(directory, `spec.config.storage.directories[${index}]`),
    mode: directory.mode ?? defaultDirectoryMode,
  }));
  return directories.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function planFiles(ignition: IgnitionConfig | undefined): PlannedFile[] {
  return (ignition?.storage?.files ?? []).map((file, index) => {
    const field = `spec.config.storage.files[${index}]`;
    const source = { contents: file.contents, field: `${field}.contents` };
    return { ...planEntry(file, field), mode: file.mode ?? defaultFileMode, source };
  });
}

function planLinks(ignition: IgnitionConfig | undefined): PlannedLink[] {
  return (ignition?.storage?.links ?? []).map((link, index) => ({
    ...planEntry(link, `spec.config.storage.links[${index}]`),
    target: link.target ?? '',
  }));
}

interface Entry {
  readonly path: string;
  readonly overwrite?: boolean | undefined;
  readonly user?: { readonly id?: number | undefined; readonly name?: string | undefined } | undefined;
  readonly group?: { readonly id?: number | undefined; readonly name?: string | undefined } | undefined;
}

function planEntry(entry: Entry, field: string): Planned {
  if (!managedTrees.some((tree) => entry.path.startsWith(`${tree}/`))) {
    throw unsupported(`${field}.path`, `${entry.path} is not below ${managedTrees.join(', ')}; put it into the image`);
  }
  if (entry.overwrite === false) throw unsupported(`${field}.overwrite`, 'what a config manages is always written');
  return {
    path: entry.path,
    user: entry.user?.name ?? entry.user?.id ?? 0,
    group: entry.group?.name ?? entry.group?.id ?? 0,
  };
}

/** Keys end as the reference writes them (machine-config-operator pkg/daemon/update.go, updateSSHKeys): one a line. */
function planUser(ignition: IgnitionConfig | undefined): PlannedUser | undefined {
  const [user] = ignition?.passwd?.users ?? [];
  if (!user) return undefined;
  const keys = user.sshAuthorizedKeys ?? [];
  return {
    name: user.name,
    ...(keys.length > 0 ? { authorizedKeys: keys.map((key) => `${key}\n`).join('') } : {}),
    ...(user.passwordHash ? { passwordHash: user.passwordHash } : {}),
  };
}

function unitFiles(unit: IgnitionUnit, index: number): PlannedFile[] {
  const path = `${unitDirectory}/${unit.name}`;
  const field = `spec.config.systemd.units[${index}]`;
  const files: PlannedFile[] = [];
  // A masked unit is a link to /dev/null in the unit's own place; its contents would be unreachable.
  if (unit.contents && !unit.mask) files.push(unitFile(path, unit.contents, field));
  for (const [dropinIndex, dropin] of (unit.dropins ?? []).entries()) {
    const dropinField = `${field}.dropins[${dropinIndex}]`;
    if (dropin.contents) files.push(unitFile(`${path}.d/${dropin.name}`, dropin.contents, dropinField));
  }
  return files;
}

function unitFile(path: string, text: string, field: string): PlannedFile {
  const contents = { source: `data:;base64,${Buffer.from(text).toString('base64')}` };
  return { path, user: 0, group: 0, mode: defaultFileMode, source: { contents, field: `${field}.contents` } };
}

function unitState(unit: IgnitionUnit): PlannedUnit[] {
  if (unit.mask) return [{ name: unit.name, state: 'masked' }];
  if (unit.enabled === undefined) return [];
  return [{ name: unit.name, state: unit.enabled ? 'enabled' : 'disabled' }];
}

/** A unit and a managed entry of one path, or a file in the place of a parent: the order of writing would decide. */
function refuseConflicts(plan: ContentPlan): void {
  const masks = plan.units.filter((unit) => unit.state === 'masked').map((unit) => `${unitDirectory}/${unit.name}`);
  const leaves = new Set<string>();
  for (const path of [...plan.files.map((file) => file.path), ...plan.links.map((link) => link.path), ...masks]) {
    if (leaves.has(path)) throw invalid('spec.config', `${path} is written twice, by storage and by a unit`);
    leaves.add(path);
  }
  for (const path of [...leaves, ...plan.directories.map((directory) => directory.path)]) {
    for (let parent = posix.dirname(path); parent !== '/'; parent = posix.dirname(parent)) {
      if (leaves.has(parent)) throw invalid('spec.config', `${path} lies below ${parent}, which is no directory`);
    }
  }
}

function unsupported(field: string, advice: string): AgentError {
  return new AgentError('CONFIG_UNSUPPORTED', `${field}: this agent cannot apply it to a running host: ${advice}`);
}

function invalid(field: string, problem: string): ApiError {
  return new ApiError('CONFIG_INVALID', `${field}: ${problem}; correct the MachineConfig`);
}
