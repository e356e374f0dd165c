// Pod (core/v1), as far as a drain looks at it. Kubernetes serves it; hosts of the embedded server run none.
import * as z from 'zod';
import type { ObjectMeta, ResourceDefinition } from '../resource.ts';

const podSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: z
    .object({
      nodeName: z.string().optional(),
      volumes: z.array(z.looseObject({ name: z.string(), emptyDir: z.looseObject({}).optional() })).optional(),
    })
    .optional(),
  status: z
    .object({
      phase: z.string().optional(),
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional(),
    })
    .optional(),
});

export interface Pod {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: z.infer<typeof podSchema>['spec'];
  status?: z.infer<typeof podSchema>['status'];
}

export const podResource: ResourceDefinition<Pod> = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  singular: 'pod',
  shortNames: ['po'],
  categories: [],
  scope: 'Namespaced',
  schema: podSchema.describe('Containers that run on one host. With `varve up` hosts run none: the list is empty.'),
  // Nobody of ours writes it.
  statusSubresource: false,
  custom: false,
  storage: 'memory',
  columns: [{ name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' }],
  selectableFields: [
    'spec.nodeName',
    'status.phase',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
  ],
};
