// What `rpm-ostree status --json` prints (rpm-ostree src/daemon/rpmostreed-deployment-utils.cxx and
// rust/src/daemon.rs). Keys that say nothing are left out by it; lists may be missing in older versions.
import * as z from 'zod';
import { AgentError } from '../../error.ts';
import { parseToolJson } from '../run-tool.ts';

const names = z.array(z.string()).default([]);
const checksum = z.string().regex(/^[0-9a-f]{64}$/);

const deploymentSchema = z.object({
  /** `<osname>-<checksum>.<serial>` */
  id: z.string(),
  /** OSTree calls it the stateroot. */
  osname: z.string().min(1),
  checksum,
  serial: z.int().min(0),
  booted: z.boolean(),
  /** Becomes the next boot at shutdown. */
  staged: z.boolean().default(false),
  /** Staged, and not to become the next boot by itself. */
  'finalization-locked': z.boolean().default(false),
  pinned: z.boolean().default(false),
  /** With a scheme, such as `ostree-unverified-registry:`; absent on a host that follows a branch. */
  'container-image-reference': z.string().optional(),
  'container-image-reference-digest': z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .optional(),
  /** Commit of the image alone, where packages come on top of it. */
  'base-checksum': checksum.optional(),
  'requested-packages': names,
  'requested-local-packages': names,
  'requested-local-fileoverride-packages': names,
  /** Packages of the image that are taken away. */
  'requested-base-removals': names,
  'requested-base-local-replacements': names,
  /** Repository to overrides from it. */
  'base-remote-replacements': z.record(z.string(), z.unknown()).default({}),
  /** Repository and packages of overrides that were asked for, in force or not. */
  'requested-base-remote-replacements': z.array(z.tuple([z.string(), names])).default([]),
  'requested-modules': names,
  'initramfs-etc': names,
  'regenerate-initramfs': z.boolean().default(false),
});
export type RpmOstreeDeployment = z.infer<typeof deploymentSchema>;

const statusSchema = z.object({
  deployments: z.array(deploymentSchema).min(1),
  /** Who has told rpm-ostree that updates of the host are its own business, such as Zincati; running or not. */
  'update-driver': z.object({ 'driver-name': z.string(), 'driver-sd-unit': z.string() }).nullish(),
});
export type RpmOstreeStatus = z.infer<typeof statusSchema>;

/** Throws HOST_COMMAND_FAILED when it is something else. */
export function parseRpmOstreeStatus(text: string): RpmOstreeStatus {
  const parsed = statusSchema.safeParse(parseToolJson(text, 'rpm-ostree status'));
  if (parsed.success) return parsed.data;
  throw new AgentError(
    'HOST_COMMAND_FAILED',
    `\`rpm-ostree status\` says what this agent does not know: ${z.prettifyError(parsed.error)}; choose another driver, or update Varve`,
    { cause: parsed.error },
  );
}
