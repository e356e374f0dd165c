// How workloads leave a host before a change that disrupts them. Written on the pool; the part that concerns the host
// itself is carried to it inside its signed target. Varve's addition to openshift/api's MachineConfigPool.
import * as z from 'zod';

/** Seconds that a drain may take unless the pool says otherwise: as long as the reference waits until it reports it. */
export const defaultDrainTimeout = 3600;

const timeoutSecondsSchema = z
  .int()
  .min(1)
  .max(86_400)
  .optional()
  .describe('Seconds that a drain, or the hooks of a host, may take. Default 3600.');

export const drainPolicySchema = z.object({
  timeoutSeconds: timeoutSecondsSchema,
  onTimeout: z
    .enum(['GiveBack', 'Hold', 'Proceed'])
    .optional()
    .describe(
      'When the time is over. GiveBack: the host is uncordoned, its slot goes to another, and it is tried again later. Hold: it keeps the slot until its pods have left. Proceed: it is updated with the pods that are left. Default GiveBack.',
    ),
  unmanagedPods: z
    .enum(['Evict', 'Block'])
    .optional()
    .describe('Pods that no controller makes anew elsewhere. Block: they must be removed by hand. Default Evict.'),
  emptyDir: z
    .enum(['Evict', 'Block'])
    .optional()
    .describe('Pods with emptyDir volumes, whose data is lost. Block: they must be removed by hand. Default Evict.'),
});
export type DrainPolicy = z.infer<typeof drainPolicySchema>;

/** What of it reaches the host. */
export const hostDrainSchema = drainPolicySchema.pick({ timeoutSeconds: true });
export type HostDrain = z.infer<typeof hostDrainSchema>;
