// Namespace (core/v1): a scope for the names of Secrets, ConfigMaps, Events and Leases.
import * as z from 'zod';
import type { ObjectMeta, ResourceDefinition } from '../resource.ts';
import { textAt } from './read.ts';
import { timeSchema } from './time.ts';

const namespaceSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: z
    .object({
      finalizers: z
        .array(z.string())
        .optional()
        .describe('Must be empty before the namespace is removed from storage.')
        .meta({ 'x-kubernetes-list-type': 'atomic' }),
    })
    .optional(),
  status: z
    .object({
      phase: z.enum(['Active', 'Terminating']).optional().describe('Terminating: its content is being deleted.'),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.enum(['True', 'False', 'Unknown']),
            reason: z.string().optional(),
            message: z.string().optional(),
            lastTransitionTime: timeSchema.nullable().optional(),
          }),
        )
        .optional()
        .meta({
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['type'],
          'x-kubernetes-patch-strategy': 'merge',
          'x-kubernetes-patch-merge-key': 'type',
        }),
    })
    .optional(),
});

export interface Namespace {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: z.infer<typeof namespaceSchema>['spec'];
  status?: z.infer<typeof namespaceSchema>['status'];
}

export const namespaceResource: ResourceDefinition<Namespace> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  singular: 'namespace',
  shortNames: ['ns'],
  categories: [],
  scope: 'Cluster',
  schema: namespaceSchema.describe('A scope for names: objects of one kind have different names within one namespace.'),
  statusSubresource: true,
  custom: false,
  storage: 'durable',
  columns: [
    { name: 'Status', type: 'string', description: 'Phase', cell: (object) => textAt(object, 'status', 'phase') },
    { name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' },
  ],
  selectableFields: ['status.phase'],
};
