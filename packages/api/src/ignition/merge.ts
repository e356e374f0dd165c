// Merge of Ignition configurations, as coreos/ignition config/merge does it with the rule of OpenShift's pools on top:
// a later file replaces an earlier one whole, with mode and owner.

import type {
  IgnitionConfig,
  IgnitionDirectory,
  IgnitionDropin,
  IgnitionFile,
  IgnitionLink,
  IgnitionUnit,
  IgnitionUser,
} from './schema.ts';
import { compareVersions } from './version.ts';

export interface NamedIgnition {
  /** The MachineConfig that it stands in, for messages. */
  readonly name: string;
  readonly config: IgnitionConfig;
}

export interface MergedIgnition {
  readonly config: IgnitionConfig;
  /** Which MachineConfig gives each managed path. */
  readonly pathOrigins: ReadonlyMap<string, string>;
}

type Entry =
  | { readonly kind: 'files'; readonly entry: IgnitionFile }
  | { readonly kind: 'directories'; readonly entry: IgnitionDirectory }
  | { readonly kind: 'links'; readonly entry: IgnitionLink };

/** Later entries win. Lists come out sorted by path or name, so that equal content gives equal text. */
export function mergeIgnition(configs: readonly NamedIgnition[]): MergedIgnition {
  const entries = new Map<string, Entry>();
  const pathOrigins = new Map<string, string>();
  const units = new Map<string, IgnitionUnit>();
  let user: IgnitionUser | undefined;
  let merged: IgnitionConfig = { ignition: { version: '3.0.0' } };
  for (const { name, config } of configs) {
    merged = mergeRest(merged, config);
    for (const item of storageEntries(config)) {
      entries.set(item.entry.path, item);
      pathOrigins.set(item.entry.path, name);
    }
    for (const unit of config.systemd?.units ?? []) units.set(unit.name, mergeUnit(units.get(unit.name), unit));
    for (const next of config.passwd?.users ?? []) user = mergeUser(user, next);
  }
  const storage = { ...merged.storage, ...splitEntries(entries) };
  if (Object.keys(storage).length > 0) merged.storage = storage;
  if (units.size > 0) merged.systemd = { ...merged.systemd, units: byKey([...units.values()], (unit) => unit.name) };
  if (user) merged.passwd = { ...merged.passwd, users: [user] };
  return { config: merged, pathOrigins };
}

/** Sections and fields that Varve does not read: the later of two stands. */
function mergeRest(before: IgnitionConfig, next: IgnitionConfig): IgnitionConfig {
  const version =
    compareVersions(before.ignition.version, next.ignition.version) < 0
      ? next.ignition.version
      : before.ignition.version;
  const { storage = {}, systemd = {}, passwd = {}, kernelArguments, ...rest } = next;
  const { files: _files, directories: _directories, links: _links, ...otherStorage } = storage;
  const { units: _units, ...otherSystemd } = systemd;
  const { users: _users, ...otherPasswd } = passwd;
  const result: IgnitionConfig = { ...before, ...rest, ignition: { ...before.ignition, ...next.ignition, version } };
  if (kernelArguments) result.kernelArguments = mergeKernelArguments(before.kernelArguments, kernelArguments);
  if (Object.keys(otherStorage).length > 0) result.storage = { ...before.storage, ...otherStorage };
  if (Object.keys(otherSystemd).length > 0) result.systemd = { ...before.systemd, ...otherSystemd };
  if (Object.keys(otherPasswd).length > 0) result.passwd = { ...before.passwd, ...otherPasswd };
  return result;
}

/** Files, directories and links share one name space: a later file takes the place of an earlier link. */
function storageEntries(config: IgnitionConfig): Entry[] {
  const { directories = [], files = [], links = [] } = config.storage ?? {};
  return [
    ...directories.map((entry): Entry => ({ kind: 'directories', entry })),
    ...files.map((entry): Entry => ({ kind: 'files', entry })),
    ...links.map((entry): Entry => ({ kind: 'links', entry })),
  ];
}

function splitEntries(entries: ReadonlyMap<string, Entry>): NonNullable<IgnitionConfig['storage']> {
  const files: IgnitionFile[] = [];
  const directories: IgnitionDirectory[] = [];
  const links: IgnitionLink[] = [];
  for (const item of byKey([...entries.values()], ({ entry }) => entry.path)) {
    if (item.kind === 'files') files.push(item.entry);
    else if (item.kind === 'directories') directories.push(item.entry);
    else links.push(item.entry);
  }
  return {
    ...(files.length > 0 && { files }),
    ...(directories.length > 0 && { directories }),
    ...(links.length > 0 && { links }),
  };
}

/** A config that only adds a drop-in to a unit keeps the unit's contents and enablement. */
function mergeUnit(before: IgnitionUnit | undefined, next: IgnitionUnit): IgnitionUnit {
  if (!before) return normalUnit(next);
  const dropins = new Map<string, IgnitionDropin>();
  for (const dropin of [...(before.dropins ?? []), ...(next.dropins ?? [])]) dropins.set(dropin.name, dropin);
  return normalUnit({ ...before, ...next, dropins: [...dropins.values()] });
}

function normalUnit(unit: IgnitionUnit): IgnitionUnit {
  const { dropins = [], ...rest } = unit;
  return { ...rest, ...(dropins.length > 0 && { dropins: byKey(dropins, (dropin) => dropin.name) }) };
}

/** Both lists grow, each argument once; of two configs that contradict each other the later one wins. */
function mergeKernelArguments(
  before: IgnitionConfig['kernelArguments'] = {},
  next: NonNullable<IgnitionConfig['kernelArguments']>,
): NonNullable<IgnitionConfig['kernelArguments']> {
  const { shouldExist = [], shouldNotExist = [] } = next;
  const add = (list: readonly string[] = [], more: readonly string[], less: readonly string[]) => [
    ...new Set([...list.filter((argument) => !less.includes(argument)), ...more]),
  ];
  return {
    ...before,
    ...next,
    shouldExist: add(before.shouldExist, shouldExist, shouldNotExist),
    shouldNotExist: add(before.shouldNotExist, shouldNotExist, shouldExist),
  };
}

function mergeUser(before: IgnitionUser | undefined, next: IgnitionUser): IgnitionUser {
  const keys = new Set([...(before?.sshAuthorizedKeys ?? []), ...(next.sshAuthorizedKeys ?? [])]);
  return { ...before, ...next, ...(keys.size > 0 && { sshAuthorizedKeys: [...keys] }) };
}

function byKey<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
