// Lease (coordination.k8s.io/v1): leader election and node heartbeats. Kept in memory only.
import * as z from 'zod';
import type { FieldError, ObjectMeta, ResourceDefinition } from '../resource.ts';
import { textAt } from './read.ts';
import { microTimeSchema } from './time.ts';

const leaseSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: z
    .object({
      holderIdentity: z.string().optional().describe('Who holds the lease.'),
      leaseDurationSeconds: z.int().optional().describe('How long others wait after renewTime before they take it.'),
      acquireTime: microTimeSchema.nullable().optional(),
      renewTime: microTimeSchema.nullable().optional().describe('When the holder last renewed it.'),
      leaseTransitions: z.int().optional().describe('How often the holder changed.'),
      strategy: z.string().optional(),
      preferredHolder: z.string().optional(),
    })
    .optional(),
});

export interface Lease {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: z.infer<typeof leaseSchema>['spec'];
}

function validateLease(lease: Lease): FieldError[] {
  const errors: FieldError[] = [];
  const duration = lease.spec?.leaseDurationSeconds;
  if (duration !== undefined && duration <= 0) {
    errors.push({
      reason: 'FieldValueInvalid',
      field: 'spec.leaseDurationSeconds',
      message: `Invalid value: ${duration}: must be greater than 0`,
    });
  }
  const transitions = lease.spec?.leaseTransitions;
  if (transitions !== undefined && transitions < 0) {
    errors.push({
      reason: 'FieldValueInvalid',
      field: 'spec.leaseTransitions',
      message: `Invalid value: ${transitions}: must be greater than or equal to 0`,
    });
  }
  return errors;
}

export const leaseResource: ResourceDefinition<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  singular: 'lease',
  shortNames: [],
  categories: [],
  scope: 'Namespaced',
  schema: leaseSchema.describe('A claim that its holder renews: a leader, or a host that is alive.'),
  statusSubresource: false,
  custom: false,
  storage: 'memory',
  columns: [
    {
      name: 'Holder',
      type: 'string',
      description: 'Who holds it',
      cell: (lease) => textAt(lease, 'spec', 'holderIdentity'),
    },
    { name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' },
  ],
  selectableFields: [],
  validate: validateLease,
};
