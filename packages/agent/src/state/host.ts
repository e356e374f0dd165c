// What the host was before the agent changed anything: recorded once, at installation or when the agent first starts.
import * as z from 'zod';

export const hostRecordSchema = z.object({
  /** Kernel arguments as installed, without `ostree=`. */
  baseKernelArguments: z.array(z.string()),
  /** Those of them that the image brought along then: each image brings its own. */
  imageKernelArguments: z.array(z.string()).default([]),
  /** Deployments that somebody else made; they are complete, and are never taken for half-made ones. */
  adopted: z.array(z.string()),
});
export type HostRecord = z.infer<typeof hostRecordSchema>;
