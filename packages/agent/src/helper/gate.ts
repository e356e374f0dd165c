// The gate that every target passes: checks it, and remembers the newest one, so that no older one passes again, ever.
// The gate is root's; the network side asks it, in the same process or through the helper.
import { driftPolicySchema, healthChecksSchema, type TargetStatement } from '@varve/api';
import * as z from 'zod';
import { readState, writeState } from '../state/durable-file.ts';
import type { StatePaths } from '../state/paths.ts';
import { followTrust, readTrust, type Trust } from './trust.ts';
import {
  type Newest,
  newestOf,
  type SignedTarget,
  type VerifiedTarget,
  verifyStatement,
  verifyTarget,
} from './verify.ts';

export interface TargetGate {
  /** Whether the statement may be taken, before its config is fetched. Throws as `verifyStatement`. */
  check(envelope: string, signal: AbortSignal): Promise<TargetStatement>;
  /** Checks all of a target, and remembers it as the newest. Throws as `verifyTarget`. */
  admit(target: SignedTarget, signal: AbortSignal): Promise<VerifiedTarget>;
  /** Follows the published chain of keys; true when that brought new ones. Throws KEYS_UNTRUSTED. */
  followKeys(chain: readonly string[], signal: AbortSignal): Promise<boolean>;
}

/** What the newest statement asks for. */
export type NewestTarget = Pick<TargetStatement, 'config' | 'image' | 'phase' | 'health' | 'drift'>;

const newestTargetSchema: z.ZodType<NewestTarget> = z.object({
  config: z.string(),
  image: z.string().optional(),
  phase: z.enum(['Staged', 'Applied']),
  health: healthChecksSchema.optional(),
  drift: driftPolicySchema.optional(),
});
const newestSchema: z.ZodType<Newest> = z.object({ sequence: z.int(), statement: z.string() });

export class RootGate implements TargetGate {
  readonly #paths: Pick<StatePaths, 'trust' | 'newest'>;

  constructor(paths: Pick<StatePaths, 'trust' | 'newest'>) {
    this.#paths = paths;
  }

  async check(envelope: string): Promise<TargetStatement> {
    return verifyStatement(envelope, await readTrust(this.#paths.trust), await this.#newest());
  }

  async admit(target: SignedTarget): Promise<VerifiedTarget> {
    const trust = await readTrust(this.#paths.trust);
    const before = await this.#newest();
    const admitted = verifyTarget(target, trust, before);
    const newest = newestOf(verifyStatement(target.envelope, trust, before));
    if (newest.sequence !== before?.sequence) await writeState(this.#paths.newest, newest);
    return admitted;
  }

  async followKeys(chain: readonly string[]): Promise<boolean> {
    return await followTrust(this.#paths.trust, chain);
  }

  async trust(): Promise<Trust | undefined> {
    return await readTrust(this.#paths.trust);
  }

  /** Undefined before the first target. */
  async newest(): Promise<NewestTarget | undefined> {
    const newest = await this.#newest();
    return newest && newestTargetSchema.parse(JSON.parse(newest.statement));
  }

  async #newest(): Promise<Newest | undefined> {
    return await readState(this.#paths.newest, newestSchema);
  }
}
