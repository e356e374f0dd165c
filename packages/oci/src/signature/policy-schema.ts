// The strict form of policy.json: what is not known is refused, for it may be a demand.
// https://github.com/containers/container-libs/blob/main/image/signature/{policy_config,policy_config_sigstore}.go
import * as z from 'zod';
import { isRepositoryName } from '../reference.ts';
import { parseSignedReference } from './signed-reference.ts';

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const domainPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

const text = z.string().min(1);
const texts = z.array(text).min(1);
const base64 = text.regex(base64Pattern, 'is not base64');
const base64s = z.array(base64).min(1);
const prefix = text.refine(isReferencePrefix, 'is not a registry, nor one with a path');

const identitySchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('matchExact') }),
  z.strictObject({ type: z.literal('matchRepoDigestOrExact') }),
  z.strictObject({ type: z.literal('matchRepository') }),
  z.strictObject({
    type: z.literal('exactReference'),
    dockerReference: text.refine(
      (value) => (parseSignedReference(value)?.version ?? '') !== '',
      'is not an image reference with a tag or a digest',
    ),
  }),
  z.strictObject({
    type: z.literal('exactRepository'),
    dockerRepository: text.refine((value) => parseSignedReference(value) !== undefined, 'is not a repository'),
  }),
  z.strictObject({ type: z.literal('remapIdentity'), prefix, signedPrefix: prefix }),
]);

const fulcioSchema = z
  .strictObject({
    caPath: text.exactOptional(),
    caData: base64.exactOptional(),
    oidcIssuer: text,
    subjectEmail: text,
  })
  .refine((fulcio) => count(fulcio.caPath, fulcio.caData) === 1, 'needs exactly one of caPath and caData');

const pkiSchema = z
  .strictObject({
    caRootsPath: text.exactOptional(),
    caRootsData: base64.exactOptional(),
    caIntermediatesPath: text.exactOptional(),
    caIntermediatesData: base64.exactOptional(),
    subjectEmail: text.exactOptional(),
    subjectHostname: text.exactOptional(),
  })
  .refine((pki) => count(pki.caRootsPath, pki.caRootsData) === 1, 'needs exactly one of caRootsPath and caRootsData')
  .refine(
    (pki) => count(pki.caIntermediatesPath, pki.caIntermediatesData) <= 1,
    'has both caIntermediatesPath and caIntermediatesData',
  )
  .refine(
    (pki) => count(pki.subjectEmail, pki.subjectHostname) > 0,
    'needs subjectEmail or subjectHostname: without one every certificate of the authority would do',
  );

const sigstoreFields = z.strictObject({
  type: z.literal('sigstoreSigned'),
  keyPath: text.exactOptional(),
  keyPaths: texts.exactOptional(),
  keyData: base64.exactOptional(),
  keyDatas: base64s.exactOptional(),
  fulcio: fulcioSchema.exactOptional(),
  pki: pkiSchema.exactOptional(),
  rekorPublicKeyPath: text.exactOptional(),
  rekorPublicKeyPaths: texts.exactOptional(),
  rekorPublicKeyData: base64.exactOptional(),
  rekorPublicKeyDatas: base64s.exactOptional(),
  signedIdentity: identitySchema.exactOptional(),
});
export type SigstoreFields = z.infer<typeof sigstoreFields>;

const sigstoreSchema = sigstoreFields
  .refine(
    (all) => count(all.keyPath, all.keyPaths, all.keyData, all.keyDatas, all.fulcio, all.pki) === 1,
    'needs exactly one of keyPath, keyPaths, keyData, keyDatas, fulcio and pki',
  )
  .refine((all) => countRekor(all) <= 1, 'has more than one source of the Rekor key')
  .refine((all) => all.fulcio === undefined || countRekor(all) === 1, 'needs a Rekor key, which fulcio depends on')
  .refine((all) => all.pki === undefined || countRekor(all) === 0, 'has a Rekor key, which pki does not use');

const signedBySchema = z
  .strictObject({
    type: z.literal('signedBy'),
    keyType: z.enum(['GPGKeys', 'signedByGPGKeys', 'X509Certificates', 'signedByX509CAs']),
    keyPath: text.exactOptional(),
    keyPaths: texts.exactOptional(),
    keyData: base64.exactOptional(),
    signedIdentity: identitySchema.exactOptional(),
  })
  .refine(
    (all) => count(all.keyPath, all.keyPaths, all.keyData) === 1,
    'needs exactly one of keyPath, keyPaths, keyData',
  );

const requirementSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('insecureAcceptAnything') }),
  z.strictObject({ type: z.literal('reject') }),
  signedBySchema,
  z.strictObject({ type: z.literal('signedBaseLayer'), baseLayerIdentity: identitySchema }),
  sigstoreSchema,
]);
export type RequirementFields = z.infer<typeof requirementSchema>;

const requirementsSchema = z.array(requirementSchema).min(1);

const anyScope = z.record(z.string(), requirementsSchema);
const noScope = anyScope.refine(
  hasScopes(() => false),
  'has a scope other than "", which this transport does not have',
);
const pathScope = anyScope.refine(hasScopes(isScopePath), 'has a scope that is not an absolute path without . and ..');

/** Transports that are not known here are for newer programs: only their requirements are checked. */
const transportsSchema = z
  .object({
    dir: pathScope.exactOptional(),
    oci: pathScope.exactOptional(),
    'oci-archive': pathScope.exactOptional(),
    sif: pathScope.exactOptional(),
    'docker-archive': noScope.exactOptional(),
    tarball: noScope.exactOptional(),
    docker: anyScope.exactOptional(),
  })
  .catchall(anyScope);

export const policySchema = z.strictObject({
  default: requirementsSchema,
  transports: transportsSchema.exactOptional(),
});

function count(...values: unknown[]): number {
  return values.filter((value) => value !== undefined).length;
}

function countRekor(all: SigstoreFields): number {
  return count(all.rekorPublicKeyPath, all.rekorPublicKeyPaths, all.rekorPublicKeyData, all.rekorPublicKeyDatas);
}

function hasScopes(isScope: (scope: string) => boolean): (scopes: Record<string, unknown>) => boolean {
  return (scopes) => Object.keys(scopes).every((scope) => scope === '' || isScope(scope));
}

function isScopePath(scope: string): boolean {
  return /^(?:\/[^/]+)+$/.test(scope) && !/\/\.{1,2}(?:\/|$)/.test(scope);
}

function isReferencePrefix(value: string): boolean {
  const [domain = '', ...path] = value.split('/');
  return domainPattern.test(domain) && (path.length === 0 || isRepositoryName(path.join('/')));
}
