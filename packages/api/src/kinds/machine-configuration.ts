// MachineConfiguration `cluster`: what a change of a managed file, unit or key does to a running host.
// Fields: openshift/api operator/v1 types_machineconfiguration.go. Of its spec Varve acts on nodeDisruptionPolicy; the
// operator's own settings are accepted, so that an existing manifest can be applied as it is.
import * as z from 'zod';
import { type DisruptionPolicy, disruptionPolicySchema, policyProblems } from '../disruption-policy.ts';
import type { FieldError, ObjectMeta, ResourceDefinition } from '../resource.ts';
import { conditionsSchema, unknownObjectSchema } from '../schema.ts';
import { withRules } from '../structural-schema.ts';

/** The one name that is read. */
export const machineConfigurationName = 'cluster';
const onlyName = `must be ${machineConfigurationName}: there is one MachineConfiguration, and no other is read`;

const machineConfigurationSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: z
    .object({
      nodeDisruptionPolicy: disruptionPolicySchema
        .optional()
        .describe('What changes do to a running host. A change without a rule reboots it.'),
      managementState: z.string().optional().describe('Accepted and not read.'),
      logLevel: z.string().optional().describe('Accepted and not read.'),
      operatorLogLevel: z.string().optional().describe('Accepted and not read.'),
      managedBootImages: unknownObjectSchema.optional().describe('Accepted and not read.'),
    })
    .default({})
    .describe('What the administrator wants.'),
  status: z
    .object({
      observedGeneration: z.int().optional(),
      conditions: conditionsSchema.optional(),
      nodeDisruptionPolicyStatus: z
        .object({
          clusterPolicies: unknownObjectSchema.optional().describe('The rules in force, built-in ones included.'),
        })
        .optional(),
    })
    .optional(),
});

export interface MachineConfiguration {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: z.infer<typeof machineConfigurationSchema>['spec'];
  status?: z.infer<typeof machineConfigurationSchema>['status'];
}

export const machineConfigurationResource: ResourceDefinition<MachineConfiguration> = {
  group: 'operator.openshift.io',
  version: 'v1',
  kind: 'MachineConfiguration',
  plural: 'machineconfigurations',
  singular: 'machineconfiguration',
  shortNames: [],
  categories: ['varve'],
  scope: 'Cluster',
  schema: machineConfigurationSchema
    .describe('What changes of a config do to running hosts.')
    .meta(withRules({ rule: `self.metadata.name == '${machineConfigurationName}'`, message: onlyName })),
  statusSubresource: true,
  custom: true,
  storage: 'durable',
  columns: [{ name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' }],
  selectableFields: [],
  validate: validateMachineConfiguration,
};

/** The administrator's rules; undefined when there are none. */
export function disruptionPolicyOf(configuration: MachineConfiguration | undefined): DisruptionPolicy | undefined {
  return configuration?.spec.nodeDisruptionPolicy;
}

function validateMachineConfiguration({ metadata, spec }: MachineConfiguration): FieldError[] {
  const errors = policyProblems(spec.nodeDisruptionPolicy ?? {}, 'spec.nodeDisruptionPolicy');
  if (metadata.name !== machineConfigurationName) {
    errors.push({ reason: 'FieldValueInvalid', field: 'metadata.name', message: onlyName });
  }
  return errors;
}
