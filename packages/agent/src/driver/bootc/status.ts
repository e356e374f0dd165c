// What `bootc status --format json --format-version 1` prints (bootc crates/lib/src/spec.rs). The fields that are read
// here have been in it since bootc 1.1, but for `downloadOnly` (1.12) and `composefs` (1.10). New fields may appear.
import * as z from 'zod';
import { AgentError } from '../../error.ts';
import { parseToolJson } from '../run-tool.ts';

const signatureSchema = z.union([
  z.enum(['containerPolicy', 'insecure']),
  z.object({ ostreeRemote: z.string() }).strict(),
]);

const referenceSchema = z.object({
  /** Without a transport. */
  image: z.string().min(1),
  transport: z.string().min(1),
  /** How the image is verified when it is fetched; absent or null where nothing says so. */
  signature: signatureSchema.nullish(),
});

const imageSchema = z.object({
  image: referenceSchema,
  version: z.string().nullish(),
  imageDigest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
});

const entrySchema = z.object({
  /** Null for a deployment that does not come from an image. */
  image: imageSchema.nullable(),
  /** The deployment has changes that bootc cannot carry over: packages layered by rpm-ostree. */
  incompatible: z.boolean(),
  pinned: z.boolean(),
  /** Staged, and not to become the next boot by itself. */
  downloadOnly: z.boolean().default(false),
  ostree: z
    .object({
      stateroot: z.string().default('default'),
      checksum: z.string().regex(/^[0-9a-f]{64}$/),
      deploySerial: z.int().min(0),
    })
    .nullish(),
  /** Of the experimental backend that has no OSTree repository. */
  composefs: z.looseObject({ verity: z.string() }).nullish(),
});
export type BootcEntry = z.infer<typeof entrySchema>;

const hostSchema = z.object({
  apiVersion: z.literal('org.containers.bootc/v1'),
  kind: z.literal('BootcHost'),
  spec: z.object({ image: referenceSchema.nullable(), bootOrder: z.enum(['default', 'rollback']).default('default') }),
  status: z.object({
    staged: entrySchema.nullable(),
    booted: entrySchema.nullable(),
    rollback: entrySchema.nullable(),
    otherDeployments: z.array(entrySchema).default([]),
    rollbackQueued: z.boolean().default(false),
    /** `bootcHost`, or null on a system that was not deployed from an image. */
    type: z.string().nullish(),
  }),
});
export type BootcHost = z.infer<typeof hostSchema>;

/** Throws HOST_COMMAND_FAILED when it is something else. */
export function parseBootcStatus(text: string): BootcHost {
  const parsed = hostSchema.safeParse(parseToolJson(text, 'bootc status'));
  if (parsed.success) return parsed.data;
  throw new AgentError(
    'HOST_COMMAND_FAILED',
    `\`bootc status\` says what this agent does not know: ${z.prettifyError(parsed.error)}; choose another driver, or update Varve`,
    { cause: parsed.error },
  );
}
