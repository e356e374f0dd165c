// How the name that was signed is compared with the name of the image that a host is to run
// (openshift/api config/v1 types_image_policy.go, PolicyIdentity).
import * as z from 'zod';
import type { FieldError } from '../resource.ts';
import { withRules } from '../structural-schema.ts';
import { repositoryProblem, repositorySchema } from './scope.ts';

const unionMembers = [
  ['exactRepository', 'ExactRepository'],
  ['remapIdentity', 'RemapIdentity'],
] as const;

const onlyFor = (policy: string) => `is required when matchPolicy is ${policy}, and forbidden otherwise`;

export const signedIdentitySchema = z
  .object({
    matchPolicy: z.enum(['MatchRepoDigestOrExact', 'MatchRepository', 'ExactRepository', 'RemapIdentity']),
    exactRepository: z.object({ repository: repositorySchema }).optional().describe('Only for ExactRepository.'),
    remapIdentity: z
      .object({ prefix: repositorySchema, signedPrefix: repositorySchema })
      .optional()
      .describe('Only for RemapIdentity: in the name of the image, prefix becomes signedPrefix.'),
  })
  .describe('The name that must have been signed. Default MatchRepoDigestOrExact.')
  .meta(
    withRules(
      ...unionMembers.map(([field, policy]) => ({
        rule: `(self.matchPolicy == '${policy}') == has(self.${field})`,
        message: onlyFor(policy),
        fieldPath: `.${field}`,
      })),
    ),
  );
export type SignedIdentity = z.infer<typeof signedIdentitySchema>;

/** Every violation that the schema cannot express; `at` is the identity's own path. */
export function signedIdentityProblems(identity: SignedIdentity, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const add = (field: string, message: string | undefined) => {
    if (message) errors.push({ reason: 'FieldValueInvalid', field: `${at}.${field}`, message });
  };
  for (const [field, policy] of unionMembers) {
    const isWanted = identity.matchPolicy === policy;
    if (isWanted !== (identity[field] !== undefined)) add(field, onlyFor(policy));
  }
  const { exactRepository, remapIdentity } = identity;
  if (exactRepository) add('exactRepository.repository', repositoryProblem(exactRepository.repository));
  if (remapIdentity) {
    add('remapIdentity.prefix', repositoryProblem(remapIdentity.prefix));
    add('remapIdentity.signedPrefix', repositoryProblem(remapIdentity.signedPrefix));
  }
  return errors;
}
