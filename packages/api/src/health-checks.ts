// What the hosts of a pool must be besides booted to count as healthy, and what is done about drift. Written on the
// pool, carried to each host inside its signed target. Varve's addition to openshift/api's MachineConfigPool.
import * as z from 'zod';

const nameSchema = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
  .describe('What failures of the check are reported under: a DNS label.');
const timeoutSchema = z.int().min(1).max(300).optional().describe('Seconds that one attempt may take. Default 10.');

const httpCheckSchema = z.object({
  name: nameSchema,
  url: z
    .string()
    .max(2048)
    .regex(/^https?:\/\/[^\s]+$/)
    .describe('http or https; asked from the host itself. Redirects are not followed.'),
  ca: z
    .string()
    .max(64 << 10)
    .regex(/-----BEGIN CERTIFICATE-----/)
    .optional()
    .describe('Certificates in PEM, one of which must have issued that of the service. By default those of the host.'),
  caFile: z
    .string()
    .max(4095)
    .regex(/^\/./)
    .optional()
    .describe('A file of the host with such certificates, readable by everyone. With `ca`, both are trusted.'),
  status: z.int().min(100).max(599).optional().describe('The status that is healthy. By default any from 200 to 299.'),
  timeoutSeconds: timeoutSchema,
});
export type HttpCheck = z.infer<typeof httpCheckSchema>;

const tcpCheckSchema = z.object({
  name: nameSchema,
  host: z.string().min(1).max(253).describe('Name or address that the host connects to.'),
  port: z.int().min(1).max(65535),
  timeoutSeconds: timeoutSchema,
});
export type TcpCheck = z.infer<typeof tcpCheckSchema>;

/** Seconds within which an updated host must be healthy, unless the pool says otherwise. */
export const defaultHealthDeadline = 300;

export const healthChecksSchema = z.object({
  deadlineSeconds: z
    .int()
    .min(1)
    .max(3600)
    .optional()
    .describe('Seconds from the first look after an update until every check must have passed. Default 300.'),
  checkTimeoutSeconds: z
    .int()
    .min(1)
    .max(600)
    .optional()
    .describe('Seconds that one executable of the health directories may run. Default 60.'),
  controlPlane: z
    .boolean()
    .optional()
    .describe('False: the host need not reach the control plane. By default it must if it did before the update.'),
  nodeReady: z
    .boolean()
    .optional()
    .describe('False: the Node need not be Ready. By default it must where a kubelet said so before the update.'),
  http: z.array(httpCheckSchema).max(32).optional().meta({ 'x-kubernetes-list-type': 'atomic' }),
  tcp: z.array(tcpCheckSchema).max(32).optional().meta({ 'x-kubernetes-list-type': 'atomic' }),
});
/** Health of a pool's hosts. Times are seconds. */
export type HealthChecks = z.infer<typeof healthChecksSchema>;

export const driftActions = ['Repair', 'Report', 'Ignore'] as const;
/** What a host does about a path that somebody changed. */
export type DriftAction = (typeof driftActions)[number];

export const driftPolicySchema = z
  .array(
    z.object({
      path: z
        .string()
        .max(4095)
        .regex(/^\//)
        .describe('A managed path, or a directory above some. The longest one that fits decides.'),
      action: z.enum(driftActions),
    }),
  )
  .max(256)
  .meta({ 'x-kubernetes-list-type': 'atomic' });
export type DriftPolicy = z.infer<typeof driftPolicySchema>;

/** The action for a path: that of the longest entry which is the path itself or a directory above it. */
export function driftActionOf(policy: DriftPolicy, path: string): DriftAction {
  let longest = -1;
  let action: DriftAction = 'Report';
  for (const entry of policy) {
    const directory = entry.path.endsWith('/') ? entry.path : `${entry.path}/`;
    if (path !== entry.path && !`${path}/`.startsWith(directory)) continue;
    if (directory.length <= longest) continue;
    longest = directory.length;
    action = entry.action;
  }
  return action;
}
