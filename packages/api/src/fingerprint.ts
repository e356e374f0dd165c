// What a config says, reduced to hashes: enough to tell what another config changes, without keeping its secrets.
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { extensionsImageOf, kernelTypeOf } from './layering.ts';
import type { MachineConfigSpec } from './machine-config-spec.ts';
import { kernelArgumentChangeOf, parseIgnition } from './merge.ts';

const hashes = z.record(z.string(), z.string());

export const configFingerprintSchema = z.object({
  /** The image by its reference; absent when the config leaves the host on the one that it runs. */
  image: z.string().optional(),
  /** Everything else that takes effect with a boot: kernel arguments, kernel type, extensions and their image, FIPS mode. */
  boot: z.string(),
  /** Managed files, directories and links, by path. */
  paths: hashes,
  units: hashes,
  users: hashes,
});
export type ConfigFingerprint = z.infer<typeof configFingerprintSchema>;

/** Pure; equal specs have equal fingerprints. Throws CONFIG_INVALID when the Ignition section does not parse. */
export function fingerprintConfig(spec: MachineConfigSpec): ConfigFingerprint {
  const ignition = parseIgnition(spec.config);
  const { files = [], directories = [], links = [] } = ignition?.storage ?? {};
  const boot = [kernelArgumentChangeOf(spec), kernelTypeOf(spec), spec.extensions ?? [], Boolean(spec.fips)];
  const extensionsImage = extensionsImageOf(spec);
  return {
    ...(spec.osImageURL ? { image: spec.osImageURL } : {}),
    // Only where there is one: what records of older agents say stays true.
    boot: hash(extensionsImage === undefined ? boot : [...boot, extensionsImage]),
    paths: hashAll([
      ...files.map((file) => [file.path, ['file', file]] as const),
      ...directories.map((directory) => [directory.path, ['directory', directory]] as const),
      ...links.map((link) => [link.path, ['link', link]] as const),
    ]),
    units: hashAll((ignition?.systemd?.units ?? []).map((unit) => [unit.name, unit])),
    users: hashAll((ignition?.passwd?.users ?? []).map((user) => [user.name, user])),
  };
}

/** Keys that are in one of the two only, or differ; sorted. */
export function changedKeys(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): string[] {
  const before = new Map(Object.entries(a));
  const after = new Map(Object.entries(b));
  return [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key)).sort();
}

function hashAll(entries: readonly (readonly [key: string, value: unknown])[]): Record<string, string> {
  return Object.fromEntries(entries.map(([key, value]) => [key, hash(value)]));
}

function hash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
