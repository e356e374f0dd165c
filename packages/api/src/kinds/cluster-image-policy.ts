// ClusterImagePolicy: which signatures an image must have before any host runs it.
// Fields: openshift/api config/v1 types_cluster_image_policy.go and types_image_policy.go.
import * as z from 'zod';
import { rootOfTrustProblems, rootOfTrustSchema } from '../image-policy/root-of-trust.ts';
import { scopeProblem, scopeSchema } from '../image-policy/scope.ts';
import { signedIdentityProblems, signedIdentitySchema } from '../image-policy/signed-identity.ts';
import type { FieldError, ObjectMeta, ResourceDefinition } from '../resource.ts';
import { conditionsSchema } from '../schema.ts';

const clusterImagePolicySchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: z
    .object({
      scopes: z
        .array(scopeSchema)
        .min(1)
        .max(256)
        .describe(
          'Images by registry, repository, tag or digest, as containers-policy.json(5) names them for docker, or *.DOMAIN. The most specific scope of an image decides; policies of the same scope must all be met.',
        )
        .meta({ 'x-kubernetes-list-type': 'set' }),
      policy: z
        .object({ rootOfTrust: rootOfTrustSchema, signedIdentity: signedIdentitySchema.optional() })
        .describe('What a signature must be.'),
    })
    .describe('Which images, and how they must be signed.'),
  status: z.object({ conditions: conditionsSchema.optional() }).optional(),
});

export type ClusterImagePolicySpec = z.infer<typeof clusterImagePolicySchema>['spec'];
export interface ClusterImagePolicy {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: ClusterImagePolicySpec;
  status?: z.infer<typeof clusterImagePolicySchema>['status'];
}

export const clusterImagePolicyResource: ResourceDefinition<ClusterImagePolicy> = {
  group: 'config.openshift.io',
  version: 'v1',
  kind: 'ClusterImagePolicy',
  plural: 'clusterimagepolicies',
  singular: 'clusterimagepolicy',
  shortNames: [],
  categories: ['varve'],
  scope: 'Cluster',
  schema: clusterImagePolicySchema.describe('Which signatures images need before hosts run them.'),
  statusSubresource: true,
  custom: true,
  storage: 'durable',
  columns: [
    {
      name: 'Type',
      type: 'string',
      description: 'By whose signatures images count',
      jsonPath: '.spec.policy.rootOfTrust.policyType',
    },
    {
      name: 'Applied',
      type: 'string',
      description: 'Every pool has it in its config',
      jsonPath: '.status.conditions[?(@.type=="Applied")].status',
    },
    { name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' },
  ],
  selectableFields: [],
  validate: validateClusterImagePolicy,
};

function validateClusterImagePolicy({ spec }: ClusterImagePolicy): FieldError[] {
  const { scopes, policy } = spec;
  const errors: FieldError[] = [];
  for (const [index, scope] of scopes.entries()) {
    const problem = scopeProblem(scope);
    if (problem) errors.push({ reason: 'FieldValueInvalid', field: `spec.scopes[${index}]`, message: problem });
  }
  errors.push(...rootOfTrustProblems(policy.rootOfTrust, 'spec.policy.rootOfTrust'));
  if (policy.signedIdentity)
    errors.push(...signedIdentityProblems(policy.signedIdentity, 'spec.policy.signedIdentity'));
  return errors;
}
