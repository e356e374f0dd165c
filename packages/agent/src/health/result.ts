// The outcome of health checks, and what it means for an update. Pure.
import * as z from 'zod';

/** Characters of a check's output that are kept: its end, where the reason stands. */
export const maxOutput = 4096;
const maxMessage = 1024;

export const checkResultSchema = z.object({
  /** Path of the executable, name of the pool's check, or what the agent itself looked at. */
  name: z.string().max(512),
  /** A failed check that is not required is told, and holds nothing up. */
  required: z.boolean(),
  passed: z.boolean(),
  /** What is wrong, for people; empty when it passed. */
  message: z.string().max(maxMessage),
  output: z.string().max(maxOutput),
});
export type CheckResult = z.infer<typeof checkResultSchema>;

export interface Verdict {
  readonly healthy: boolean;
  /** The first required check that failed. */
  readonly failing: CheckResult | undefined;
  readonly warnings: readonly CheckResult[];
}

export function judge(results: readonly CheckResult[]): Verdict {
  const failed = results.filter(({ passed }) => !passed);
  const failing = failed.find(({ required }) => required);
  return { healthy: !failing, failing, warnings: failed.filter(({ required }) => !required) };
}

export function passed(name: string, required = true): CheckResult {
  return { name: name.slice(0, 512), required, passed: true, message: '', output: '' };
}

export function failed(name: string, message: string, output = '', required = true): CheckResult {
  return {
    name: name.slice(0, 512),
    required,
    passed: false,
    message: message.slice(0, maxMessage),
    output: output.slice(-maxOutput),
  };
}
