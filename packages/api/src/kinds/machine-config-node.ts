// MachineConfigNode: the one truth about a node. The controllers write `spec`, that node's agent writes `status`.
// spec.update and status.update are Varve's additions; the rest is openshift/api machineconfiguration/v1.
import * as z from 'zod';
import type { FieldError, ObjectMeta, ResourceDefinition } from '../resource.ts';
import { conditionsSchema } from '../schema.ts';
import { withRules } from '../structural-schema.ts';
import { machineConfigurationGroup } from './machine-config.ts';

const ownName = 'must be the name of the object: there is one for each Node';

/** Condition types on MachineConfigNode (OpenShift's names). False: not started. Unknown: running or failed. True: done. */
export const nodeConditionTypes = [
  'UpdatePrepared',
  'Cordoned',
  'Drained',
  'UpdateExecuted',
  'AppliedFilesAndOS',
  'RebootedNode',
  'UpdateComplete',
  'Updated',
  'Resumed',
  'NodeDegraded',
  'ConfigDrift',
] as const;
export type NodeConditionType = (typeof nodeConditionTypes)[number];

/** Asks the agent for its recent log lines; the value is anything that was not asked with before, such as a time. */
export const logsRequestedAnnotation = 'varve.dev/logs-requested';
/** What holds a host's drain, as the drain controller last found it: JSON. */
export const drainAnnotation = 'varve.dev/drain';
/** Characters of log lines in a status, which is stored and watched like the rest of it. */
export const maxLogLength = 65_536;

/** The running step of an update, in the order in which a host goes through them. */
export const updateSteps = [
  'Idle',
  'Staging',
  'Staged',
  'Applying',
  'Rebooting',
  'Verifying',
  'Done',
  'Failed',
] as const;
export type UpdateStep = (typeof updateSteps)[number];

const deploymentSchema = z.object({
  imageDigest: z
    .string()
    .optional()
    .describe('Digest by which the image is named: of its manifest, or of an index that holds it.'),
  checksum: z.string().describe('OSTree commit.'),
  config: z.string().optional().describe('Rendered config that was applied together with it.'),
  kernelArguments: z.array(z.string()).optional(),
});

/** One difference between a host and what its rendered config says. */
export const driftEntrySchema = z.object({
  path: z.string(),
  kind: z.enum([
    'Content',
    'Mode',
    'Owner',
    'ExtendedAttributes',
    'Missing',
    'Type',
    'Unit',
    'KernelArgument',
    'Image',
  ]),
  message: z.string().max(4096),
  diff: z
    .string()
    .max(4096)
    .optional()
    .describe('Lines of the config (-) and of the host (+), without what may be secret.'),
});

const machineConfigNodeSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: z
    .object({
      node: z.object({ name: z.string() }),
      pool: z.object({ name: z.string() }),
      configVersion: z.object({ desired: z.string().describe('Rendered config that the host is to reach.') }),
      configImage: z
        .object({ desiredImage: z.string().describe('Image reference by digest.') })
        .optional()
        .describe('The OS image of the desired config, by digest.'),
      update: z
        .object({
          phase: z
            .enum(['Staged', 'Applied'])
            .describe('Staged: fetch and import only. Applied: make it the next boot, and boot it.'),
          revoked: z
            .boolean()
            .optional()
            .describe(
              'An approval was taken back: the host counts as unavailable until its agent has observed this generation.',
            ),
          drain: z
            .object({ since: z.iso.datetime({ offset: true }).describe('When the host was given its slot.') })
            .optional()
            .describe('Workloads leave the host, or have left it; while they do, the phase is Staged.'),
        })
        .optional(),
    })
    .describe('Written by the controllers only.'),
  status: z
    .object({
      observedGeneration: z
        .int()
        .optional()
        .describe('Generation of the spec that the agent acts on, and no older one.'),
      configVersion: z.object({ current: z.string().optional(), desired: z.string().optional() }).optional(),
      configImage: z.object({ currentImage: z.string().optional(), desiredImage: z.string().optional() }).optional(),
      conditions: conditionsSchema.optional(),
      update: z
        .object({
          step: z.enum(updateSteps).optional(),
          config: z.string().optional().describe('The rendered config that the step is for.'),
          message: z.string().max(4096).optional(),
          startedAt: z.string().optional(),
          progress: z.object({ bytesDone: z.int(), bytesTotal: z.int() }).optional(),
          staged: z
            .string()
            .optional()
            .describe('Rendered config whose image is imported and whose content is validated.'),
          lastFailure: z
            .object({
              code: z.string(),
              message: z.string().max(4096),
              config: z.string().optional(),
              step: z.enum(updateSteps).optional(),
              time: z.string(),
              check: z.string().max(512).optional().describe('The health check that failed.'),
              output: z.string().max(4096).optional().describe('The end of what that check wrote.'),
              final: z
                .boolean()
                .optional()
                .describe('The host went back to what it ran, and does not try this config and image again.'),
            })
            .optional(),
        })
        .optional()
        .describe('Where the host stands in its update.'),
      booted: deploymentSchema.optional(),
      rollback: deploymentSchema.optional(),
      drift: z
        .array(driftEntrySchema)
        .max(100)
        .optional()
        .describe('What differs on the host from what its rendered config says.')
        .meta({ 'x-kubernetes-list-type': 'atomic' }),
      logs: z
        .object({ requested: z.string().max(256), text: z.string().max(maxLogLength) })
        .optional()
        .describe(`The agent's recent log lines, for a minute, as the annotation ${logsRequestedAnnotation} asks.`),
    })
    .optional()
    .describe("Written by that node's agent only."),
});

export type MachineConfigNodeSpec = z.infer<typeof machineConfigNodeSchema>['spec'];
export type MachineConfigNodeStatus = NonNullable<z.infer<typeof machineConfigNodeSchema>['status']>;
export interface MachineConfigNode {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: MachineConfigNodeSpec;
  status?: MachineConfigNodeStatus | undefined;
}

export const machineConfigNodeResource: ResourceDefinition<MachineConfigNode> = {
  group: machineConfigurationGroup,
  version: 'v1',
  kind: 'MachineConfigNode',
  plural: 'machineconfignodes',
  singular: 'machineconfignode',
  shortNames: ['mcn'],
  categories: ['varve'],
  scope: 'Cluster',
  schema: machineConfigNodeSchema
    .describe('Where one host stands: its target, its progress, what it runs.')
    .meta(
      withRules({ rule: 'self.metadata.name == self.spec.node.name', message: ownName, fieldPath: '.spec.node.name' }),
    ),
  statusSubresource: true,
  custom: true,
  storage: 'durable',
  columns: [
    { name: 'PoolName', type: 'string', description: 'Pool', jsonPath: '.spec.pool.name' },
    { name: 'DesiredConfig', type: 'string', description: 'Target', jsonPath: '.spec.configVersion.desired' },
    { name: 'CurrentConfig', type: 'string', description: 'What it runs', jsonPath: '.status.configVersion.current' },
    {
      name: 'Updated',
      type: 'string',
      description: 'On target',
      jsonPath: '.status.conditions[?(@.type=="Updated")].status',
    },
    { name: 'Step', type: 'string', description: 'Running step', jsonPath: '.status.update.step' },
    { name: 'Image', type: 'string', description: 'Booted image', jsonPath: '.status.booted.imageDigest', priority: 1 },
    { name: 'Message', type: 'string', description: 'What it does', jsonPath: '.status.update.message', priority: 1 },
    { name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' },
  ],
  selectableFields: [],
  validate: validateMachineConfigNode,
};

/** Its name says whose agent may write its status. */
function validateMachineConfigNode({ metadata, spec }: MachineConfigNode): FieldError[] {
  if (metadata.name === spec.node.name) return [];
  return [{ reason: 'FieldValueInvalid', field: 'spec.node.name', message: ownName }];
}
