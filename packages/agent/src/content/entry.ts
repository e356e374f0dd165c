// What the agent wrote into a deployment, kept beside it in the deployment's own /etc: the OS and its configuration
// roll back together, and drift is measured against this record, without the control plane.
import { configFingerprintSchema } from '@varve/api';
import * as z from 'zod';

const attributes = { path: z.string(), uid: z.int(), gid: z.int() };

const directorySchema = z.object({ kind: z.literal('directory'), ...attributes, mode: z.int() });
const linkSchema = z.object({ kind: z.literal('link'), ...attributes, target: z.string() });

export const managedEntrySchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('file'), ...attributes, mode: z.int(), sha256: z.string(), size: z.int() }),
  directorySchema,
  linkSchema,
]);
export type ManagedEntry = z.infer<typeof managedEntrySchema>;

export const managedUnitSchema = z.object({
  name: z.string(),
  state: z.enum(['enabled', 'disabled', 'masked']),
  /** Links below /etc/systemd/system that make the unit's state. */
  links: z.array(z.object({ path: z.string(), target: z.string() })),
});
export type ManagedUnit = z.infer<typeof managedUnitSchema>;

export const appliedConfigSchema = z.object({
  version: z.literal(1),
  /** The deployment that this record was completed for. In any other one it is a copy that OSTree's /etc merge made. */
  deployment: z.string(),
  /** Rendered config; absent on a host that no config was applied to yet. */
  config: z.string().optional(),
  image: z.string(),
  /** The whole kernel command line of the deployment, without `ostree=`. */
  kernelArguments: z.array(z.string()),
  entries: z.array(managedEntrySchema),
  units: z.array(managedUnitSchema),
  /** The hash that a user's password hash has, when the config gives one: the record shows no hash to crack. */
  password: z.object({ user: z.string(), sha256: z.string() }).optional(),
  /** Directories of a user's home: made where they are missing, and otherwise the user's own. */
  homes: z.array(z.object({ path: z.string(), mode: z.int(), uid: z.int(), gid: z.int() })).optional(),
  /** What the config said, to tell what another one changes; records of older agents lack it. */
  fingerprint: configFingerprintSchema.optional(),
});
export type AppliedConfig = z.infer<typeof appliedConfigSchema>;

/** What was written: the part of the record that files, units and accounts are checked against. */
export type AppliedContent = Pick<AppliedConfig, 'entries' | 'units' | 'password' | 'homes'>;

const fileOutlineSchema = z.object({ kind: z.literal('file'), ...attributes, mode: z.int(), size: z.int() });

/** What is told of a record to who is not root: enough to watch it, and no hash, which lets a short secret be guessed. */
export const appliedOutlineSchema = z.object({
  config: z.string().optional(),
  image: z.string(),
  entries: z.array(z.discriminatedUnion('kind', [fileOutlineSchema, directorySchema, linkSchema])),
  units: z.array(managedUnitSchema),
  password: z.object({ user: z.string() }).optional(),
});
export type AppliedOutline = z.infer<typeof appliedOutlineSchema>;

export const appliedConfigPath = '/etc/varve/applied.json';

/** For root alone: hashes of secrets let them be guessed. */
export const recordAttributes = { mode: 0o600, uid: 0, gid: 0 };

export function formatApplied(record: AppliedConfig): Buffer {
  return Buffer.from(`${JSON.stringify(record, undefined, 1)}\n`);
}
