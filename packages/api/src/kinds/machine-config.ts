// MachineConfig: files, units, kernel arguments and the OS image of the hosts that select it.
// A rendered config is a MachineConfig too: the merge of a pool's, made by the render controller, immutable.
import * as z from 'zod';
import { type MachineConfigSpec, machineConfigSpecSchema } from '../machine-config-spec.ts';
import type { ObjectMeta, ResourceDefinition } from '../resource.ts';
import { validateMachineConfig } from '../validate.ts';

export const machineConfigurationGroup = 'machineconfiguration.openshift.io';
/** A MachineConfig belongs to the pools that select this label. */
export const roleLabel = 'machineconfiguration.openshift.io/role';
/** On a rendered config: `true` when a MachineConfig, not the release, chose the image. */
export const osImageOverriddenAnnotation = 'machineconfiguration.openshift.io/os-image-url-overridden';

const machineConfigSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: machineConfigSpecSchema,
});

export interface MachineConfig {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: MachineConfigSpec;
}

export const machineConfigResource: ResourceDefinition<MachineConfig> = {
  group: machineConfigurationGroup,
  version: 'v1',
  kind: 'MachineConfig',
  plural: 'machineconfigs',
  singular: 'machineconfig',
  shortNames: ['mc'],
  categories: ['varve'],
  scope: 'Cluster',
  schema: machineConfigSchema.describe('Files, units, kernel arguments and OS image of a pool.'),
  statusSubresource: false,
  custom: true,
  storage: 'durable',
  columns: [
    { name: 'OSImage', type: 'string', description: 'The OS image', jsonPath: '.spec.osImageURL', priority: 1 },
    {
      name: 'IgnitionVersion',
      type: 'string',
      description: 'Version of the Ignition section',
      jsonPath: '.spec.config.ignition.version',
    },
    { name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' },
  ],
  selectableFields: [],
  validate: validateMachineConfig,
};
