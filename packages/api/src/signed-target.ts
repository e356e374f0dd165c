// What one host is to run, said by whoever holds a configuration key. It is made for each host, not for each pool: the
// target of another host, or an older one of this host, cannot be played to it. It lies in an annotation of the host's
// MachineConfigNode; the rendered config itself is fetched separately and is held to `configDigest`.
import { createHash, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { disruptionPolicySchema } from './disruption-policy.ts';
import { hostDrainSchema } from './drain-policy.ts';
import { openEnvelope, sealEnvelope } from './dsse.ts';
import { driftPolicySchema, healthChecksSchema } from './health-checks.ts';
import type { MachineConfigSpec } from './machine-config-spec.ts';

export const signedTargetAnnotation = 'varve.dev/signed-target';
const payloadType = 'application/vnd.varve.target.v1+json';

const statementSchema = z.object({
  host: z.string().min(1).max(253),
  pool: z.string().min(1).max(253),
  /** Grows with each statement for a host; about the milliseconds since 1970. */
  sequence: z.int().min(0),
  /** Rendered config. */
  config: z.string().min(1).max(253),
  /** Of the rendered config's spec: see `digestConfig`. */
  configDigest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  /** By digest; absent when the config leaves the host on the image that it runs. */
  image: z
    .string()
    .max(4096)
    .regex(/@sha256:[0-9a-f]{64}$/)
    .optional(),
  phase: z.enum(['Staged', 'Applied']),
  /** What a change does to the running host: the administrator's rules. */
  disruption: disruptionPolicySchema.optional(),
  /** What makes the host healthy after an update. */
  health: healthChecksSchema.optional(),
  /** How long the host's drain hooks may take. */
  drain: hostDrainSchema.optional(),
  /** What is done about managed paths that somebody changed. */
  drift: driftPolicySchema.optional(),
});
export type TargetStatement = z.infer<typeof statementSchema>;
/** A statement before its place in the sequence is known. */
export type TargetContent = Omit<TargetStatement, 'sequence'>;

/** `sha256:` and the hex SHA-256 of the canonical JSON of a rendered config's spec. */
export function digestConfig(spec: MachineConfigSpec): string {
  return `sha256:${createHash('sha256').update(canonicalJson(spec)).digest('hex')}`;
}

/** The envelope's text. */
export function signTarget(statement: TargetStatement, key: KeyObject): string {
  return sealEnvelope(payloadType, Buffer.from(canonicalJson(statement)), key);
}

export type OpenedTarget =
  | { readonly statement: TargetStatement; readonly keyId: string }
  | { readonly problem: string };

/** The statement, when one of `keys` signed it. Fields that this version does not know are dropped. */
export function openTarget(envelope: string, keys: readonly KeyObject[]): OpenedTarget {
  const opened = openEnvelope(envelope, payloadType, keys);
  if ('problem' in opened) return opened;
  const statement = parseStatement(opened.payload.toString('utf8'));
  return statement ? { statement, keyId: opened.keyId } : { problem: 'holds no statement of a target' };
}

/** Above the previous one and not below the clock: neither a lost annotation nor a clock set back makes it go back. */
export function nextSequence(previous: number | undefined, now: Date): number {
  return Math.max((previous ?? 0) + 1, now.getTime());
}

function parseStatement(text: string): TargetStatement | undefined {
  try {
    return statementSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
