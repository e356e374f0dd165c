import { OciError } from '../error.ts';
import { describeIssue } from '../manifest.ts';
import type { PemSource, PolicyRequirement, SignaturePolicy, SignerTrust } from './policy.ts';
import { policySchema, type RequirementFields, type SigstoreFields } from './policy-schema.ts';
import { parseStrictJson } from './strict-json.ts';

export const maximumPolicySize = 1024 * 1024;

/**
 * Parses the text of a policy.json. `source` names it in messages. Files that it names are not read: readSignaturePolicy
 * does that.
 * @throws OciError SIGNATURE_POLICY_INVALID: the whole file is refused for a key that is unknown or comes twice, a list of
 * no requirements, no default
 */
export function parseSignaturePolicy(text: string, source: string): SignaturePolicy {
  if (text.length > maximumPolicySize) throw policyInvalid(source, `it has more than ${maximumPolicySize} characters`);
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch (cause) {
    throw policyInvalid(source, cause instanceof Error ? cause.message : 'it is not JSON', cause);
  }
  const result = policySchema.safeParse(value);
  if (!result.success) throw policyInvalid(source, describeIssue(result.error));
  const scopes = new Map<string, PolicyRequirement[]>();
  for (const [scope, requirements] of Object.entries(result.data.transports?.docker ?? {})) {
    scopes.set(scope, requirements.map(toRequirement));
  }
  return { source, default: result.data.default.map(toRequirement), scopes };
}

export function policyInvalid(source: string, why: string, cause?: unknown): OciError {
  return new OciError(
    'SIGNATURE_POLICY_INVALID',
    `the signature policy ${source} is not valid: ${why}; no image is accepted until it is corrected, see containers-policy.json(5)`,
    { cause },
  );
}

function toRequirement(fields: RequirementFields): PolicyRequirement {
  if (fields.type !== 'sigstoreSigned') return { type: fields.type };
  return {
    type: 'sigstoreSigned',
    trust: toTrust(fields),
    signedIdentity: fields.signedIdentity ?? { type: 'matchRepoDigestOrExact' },
  };
}

function toTrust(fields: SigstoreFields): SignerTrust {
  const { fulcio, pki } = fields;
  const rekorKeys = pemSources(fields, 'rekorPublicKey');
  if (fulcio !== undefined) {
    const { oidcIssuer, subjectEmail } = fulcio;
    return {
      type: 'fulcio',
      roots: pemSource('fulcio.caData', fulcio.caPath, fulcio.caData),
      oidcIssuer,
      subjectEmail,
      rekorKeys,
    };
  }
  if (pki === undefined) return { type: 'keys', keys: pemSources(fields, 'key'), rekorKeys };
  const { caIntermediatesPath, caIntermediatesData, subjectEmail, subjectHostname } = pki;
  const hasIntermediates = caIntermediatesPath !== undefined || caIntermediatesData !== undefined;
  return {
    type: 'pki',
    roots: pemSource('pki.caRootsData', pki.caRootsPath, pki.caRootsData),
    ...(hasIntermediates && {
      intermediates: pemSource('pki.caIntermediatesData', caIntermediatesPath, caIntermediatesData),
    }),
    ...(subjectEmail !== undefined && { subjectEmail }),
    ...(subjectHostname !== undefined && { subjectHostname }),
  };
}

/** Of the four fields of one kind of key at most one is there. */
function pemSources(fields: SigstoreFields, kind: 'key' | 'rekorPublicKey'): PemSource[] {
  const path = fields[`${kind}Path`];
  const paths = fields[`${kind}Paths`] ?? (path === undefined ? [] : [path]);
  const data = fields[`${kind}Data`];
  const datas = fields[`${kind}Datas`] ?? [];
  return [
    ...paths.map((file) => pemSource('', file, undefined)),
    ...(data === undefined ? [] : [pemSource(`${kind}Data`, undefined, data)]),
    ...datas.map((one, index) => pemSource(`${kind}Datas[${index}]`, undefined, one)),
  ];
}

function pemSource(field: string, path: string | undefined, data: string | undefined): PemSource {
  if (path !== undefined) return { name: path, path };
  return { name: field, text: Buffer.from(data ?? '', 'base64').toString('utf8') };
}
