// The spec of a MachineConfig: what validation, merge and diff work on.
// Field meanings: openshift/api machineconfiguration/v1 types.go.
import * as z from 'zod';
import { imageReferencePattern } from './image-reference.ts';
import { kernelArgumentRules } from './kernel-argument.ts';
import { unknownObjectSchema } from './schema.ts';
import { withRules } from './structural-schema.ts';

export const kernelTypes = ['', 'default', 'realtime', '64k-pages'] as const;

const imageSchema = z
  .string()
  .max(4096)
  .meta(
    withRules({
      rule: `self == '' || self.matches(r'${imageReferencePattern}')`,
      message: 'is no image reference; write REGISTRY/REPOSITORY@sha256:DIGEST or REGISTRY/REPOSITORY:TAG',
    }),
  );

export const machineConfigSpecSchema = z
  .object({
    osImageURL: imageSchema
      .optional()
      .describe('The OS image as a registry reference. A tag is resolved once to a digest when the pool is rendered.'),
    baseOSExtensionsContainerImage: imageSchema.optional().describe('Image with extension packages.'),
    config: unknownObjectSchema
      .optional()
      .describe('An Ignition configuration, version 3.x: files, systemd units, users.'),
    kernelArguments: z
      .array(
        z
          .string()
          .max(4096)
          .meta(withRules(...kernelArgumentRules)),
      )
      .max(512)
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
  .describe('What the hosts of the pool get.');

export type MachineConfigSpec = z.infer<typeof machineConfigSpecSchema>;
