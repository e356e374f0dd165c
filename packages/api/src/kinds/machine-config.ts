// MachineConfig: files, units, kernel arguments and the OS image of the hosts that select it.
// Field meanings: openshift/api machineconfiguration/v1 types.go.
import * as z from 'zod';
import type { ObjectMeta, ResourceDefinition } from '../resource.ts';
import { unknownObjectSchema } from '../schema.ts';
import { validateMachineConfig } from '../validate.ts';

export const machineConfigurationGroup = 'machineconfiguration.openshift.io';
/** A MachineConfig belongs to the pools that select this label. */
export const roleLabel = 'machineconfiguration.openshift.io/role';
/** On a rendered config: `true` when a MachineConfig, not the release, chose the image. */
export const osImageOverriddenAnnotation = 'machineconfiguration.openshift.io/os-image-url-overridden';

export const kernelTypes = ['', 'default', 'realtime', '64k-pages'] as const;

const machineConfigSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: z
    .object({
      osImageURL: z
        .string()
        .max(4096)
        .optional()
        .describe('The OS image as a registry reference. A tag is resolved once to a digest when the pool is rendered.'),
      baseOSExtensionsContainerImage: z.string().max(4096).optional().describe('Image with extension packages.'),
      config: unknownObjectSchema
        .optional()
        .describe('An Ignition configuration, version 3.x: files, systemd units, users.'),
      kernelArguments: z
        .array(z.string().max(4096))
        .optional()
        .describe('Kernel arguments to append, each one argument such as "quiet" or "a=b".')
        .meta({ 'x-kubernetes-list-type': 'atomic' }),
      extensions: z
        .array(z.string())
        .optional()
        .describe('Extensions to enable on the host.')
        .meta({ 'x-kubernetes-list-type': 'atomic' }),
      fips: z.boolean().optional().describe('FIPS mode, chosen at installation only.'),
      kernelType: z.enum(kernelTypes).optional().describe('default, realtime or 64k-pages.'),
    })
    .default({})
    .describe('What the hosts of the pool get.'),
});

export type MachineConfigSpec = z.infer<typeof machineConfigSchema>['spec'];
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
