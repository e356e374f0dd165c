// PodDisruptionBudget (policy/v1): how many pods of a workload may be evicted at once. Kubernetes serves it and counts.
import * as z from 'zod';
import type { ObjectMeta, ResourceDefinition } from '../resource.ts';
import { labelSelectorSchema } from '../schema.ts';

const podDisruptionBudgetSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: z
    .object({
      selector: labelSelectorSchema.optional(),
      minAvailable: z.union([z.int(), z.string()]).optional(),
      maxUnavailable: z.union([z.int(), z.string()]).optional(),
      unhealthyPodEvictionPolicy: z.string().optional(),
    })
    .optional(),
  status: z
    .object({
      observedGeneration: z.int().optional(),
      disruptionsAllowed: z.int().optional(),
      currentHealthy: z.int().optional(),
      desiredHealthy: z.int().optional(),
      expectedPods: z.int().optional(),
    })
    .optional(),
});

export interface PodDisruptionBudget {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: z.infer<typeof podDisruptionBudgetSchema>['spec'];
  status?: z.infer<typeof podDisruptionBudgetSchema>['status'];
}

export const podDisruptionBudgetResource: ResourceDefinition<PodDisruptionBudget> = {
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  singular: 'poddisruptionbudget',
  shortNames: ['pdb'],
  categories: [],
  scope: 'Namespaced',
  schema: podDisruptionBudgetSchema.describe('How many pods of a workload may be evicted at once.'),
  statusSubresource: true,
  custom: false,
  storage: 'memory',
  columns: [],
  selectableFields: [],
};
