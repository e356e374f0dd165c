// MachineConfigPool: hosts that share one rendered config, and how they are rolled onto it.
import * as z from 'zod';
import { drainPolicySchema } from '../drain-policy.ts';
import { driftPolicySchema, healthChecksSchema } from '../health-checks.ts';
import type { ObjectMeta, ResourceDefinition } from '../resource.ts';
import { conditionsSchema, intOrPercentSchema, labelSelectorSchema } from '../schema.ts';
import { machineConfigurationGroup } from './machine-config.ts';

const configurationSchema = z.object({
  name: z.string().optional().describe('Name of the rendered config.'),
  source: z
    .array(z.object({ apiVersion: z.string().optional(), kind: z.string().optional(), name: z.string() }))
    .optional()
    .describe('The MachineConfigs that were merged, in order.')
    .meta({ 'x-kubernetes-list-type': 'atomic' }),
});

const machineConfigPoolSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: z
    .object({
      machineConfigSelector: labelSelectorSchema.optional().describe('The MachineConfigs of this pool.'),
      nodeSelector: labelSelectorSchema.optional().describe('The hosts of this pool.'),
      maxUnavailable: intOrPercentSchema
        .optional()
        .describe(
          'How many hosts may be unavailable at once: a count or a percentage, rounded down, at least 1. Default 1.',
        ),
      paused: z.boolean().optional().describe('True: no host is given a slot; hosts still stage.'),
      configuration: configurationSchema.optional().describe('The target, written by the render controller.'),
      drainPolicy: drainPolicySchema
        .optional()
        .describe('How workloads leave a host before a change that disrupts them. Not in openshift/api.'),
      healthChecks: healthChecksSchema
        .optional()
        .describe(
          'What makes an updated host healthy; one that is not goes back to what it ran. Not in openshift/api.',
        ),
      driftPolicy: driftPolicySchema
        .optional()
        .describe(
          'What hosts do about managed paths that somebody changed; by default they report. Not in openshift/api.',
        ),
    })
    .default({}),
  status: z
    .object({
      observedGeneration: z.int().optional(),
      configuration: configurationSchema.optional().describe('The target that every host of the pool has reached.'),
      machineCount: z.int().optional(),
      updatedMachineCount: z.int().optional(),
      readyMachineCount: z.int().optional(),
      unavailableMachineCount: z.int().optional(),
      degradedMachineCount: z.int().optional(),
      conditions: conditionsSchema.optional(),
      resolvedImages: z
        .array(z.object({ reference: z.string(), digest: z.string(), resolvedAt: z.string() }))
        .optional()
        .describe('Images of the rendered config by their tags, and the digest that each was resolved to, once.')
        .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['reference'] }),
    })
    .optional(),
});

export type MachineConfigPoolSpec = z.infer<typeof machineConfigPoolSchema>['spec'];
export type MachineConfigPoolStatus = NonNullable<z.infer<typeof machineConfigPoolSchema>['status']>;
export interface MachineConfigPool {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: MachineConfigPoolSpec;
  status?: MachineConfigPoolStatus | undefined;
}

const condition = (type: string) => `.status.conditions[?(@.type=="${type}")].status`;

export const machineConfigPoolResource: ResourceDefinition<MachineConfigPool> = {
  group: machineConfigurationGroup,
  version: 'v1',
  kind: 'MachineConfigPool',
  plural: 'machineconfigpools',
  singular: 'machineconfigpool',
  shortNames: ['mcp'],
  categories: ['varve'],
  scope: 'Cluster',
  schema: machineConfigPoolSchema.describe('Hosts that share one rendered config.'),
  statusSubresource: true,
  custom: true,
  storage: 'durable',
  columns: [
    {
      name: 'Config',
      type: 'string',
      description: 'Config that every host has',
      jsonPath: '.status.configuration.name',
    },
    { name: 'Updated', type: 'string', description: 'Every host is on the target', jsonPath: condition('Updated') },
    { name: 'Updating', type: 'string', description: 'A rollout is under way', jsonPath: condition('Updating') },
    { name: 'Degraded', type: 'string', description: 'Something needs a human', jsonPath: condition('Degraded') },
    { name: 'MachineCount', type: 'integer', description: 'Hosts', jsonPath: '.status.machineCount' },
    {
      name: 'ReadyMachineCount',
      type: 'integer',
      description: 'Hosts on target and ready',
      jsonPath: '.status.readyMachineCount',
    },
    {
      name: 'UpdatedMachineCount',
      type: 'integer',
      description: 'Hosts on target',
      jsonPath: '.status.updatedMachineCount',
    },
    {
      name: 'DegradedMachineCount',
      type: 'integer',
      description: 'Hosts in trouble',
      jsonPath: '.status.degradedMachineCount',
    },
    { name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' },
  ],
  selectableFields: [],
};
