// What failed on this host. An update that was taken back, or that never came up, is not tried again here: it would
// cost the same outage with the same end. Another config or another image is another target.
import * as z from 'zod';
import { AgentError, type AgentErrorCode } from '../error.ts';
import { readState, writeState } from '../state/durable-file.ts';
import { maxOutput } from './result.ts';

export const failedTargetSchema = z.object({
  config: z.string(),
  /** By digest. */
  image: z.string(),
  code: z.string(),
  message: z.string().max(4096),
  /** The health check that failed, and the end of what it wrote. */
  check: z.string().max(512).optional(),
  output: z.string().max(maxOutput).optional(),
  time: z.string(),
});
export type FailedTarget = z.infer<typeof failedTargetSchema>;

/** A failure with the health check behind it; `failed` when the target is given up for it. */
export class HealthError extends AgentError {
  readonly check: string | undefined;
  readonly output: string | undefined;
  readonly failed: FailedTarget | undefined;

  constructor(
    code: AgentErrorCode,
    message: string,
    details: { check?: string | undefined; output?: string | undefined; failed?: FailedTarget | undefined },
  ) {
    super(code, message);
    this.check = details.check;
    this.output = details.output;
    this.failed = details.failed;
  }
}

/** More are not remembered; the oldest are forgotten first. */
const maxFailed = 32;

export function findFailed(
  failed: readonly FailedTarget[],
  config: string | undefined,
  image: string | undefined,
): FailedTarget | undefined {
  return failed.find((target) => target.config === config && target.image === image);
}

/** The list with `target` as its last entry, and once only. */
export function withFailed(failed: readonly FailedTarget[], target: FailedTarget): FailedTarget[] {
  return [...withoutFailed(failed, target), target].slice(-maxFailed);
}

export function withoutFailed(
  failed: readonly FailedTarget[],
  { config, image }: Pick<FailedTarget, 'config' | 'image'>,
): FailedTarget[] {
  return failed.filter((target) => target.config !== config || target.image !== image);
}

/**
 * What to throw, and to remember, when an apply to the running deployment was taken back: the config does not fit this
 * host. Undefined for what may pass by itself. Pure.
 */
export function takenBack(
  error: unknown,
  target: Pick<FailedTarget, 'config' | 'image'>,
  now: Date,
): HealthError | undefined {
  if (!(error instanceof AgentError) || (error.code !== 'UNIT_FAILED' && error.code !== 'VERIFY_FAILED')) return;
  const { code } = error;
  const message = `${error.message}; the host has its former config again, and ${target.config} is not tried again here`;
  const failed = { ...target, code, message: message.slice(0, 4096), time: now.toISOString() };
  return new HealthError(code, message, { failed });
}

export async function readFailed(path: string): Promise<readonly FailedTarget[]> {
  return (await readState(path, z.array(failedTargetSchema))) ?? [];
}

export async function rememberFailed(path: string, target: FailedTarget): Promise<void> {
  await writeState(path, withFailed(await readFailed(path), target));
}

export async function forgetFailed(path: string, target: Pick<FailedTarget, 'config' | 'image'>): Promise<void> {
  await writeState(path, withoutFailed(await readFailed(path), target));
}
