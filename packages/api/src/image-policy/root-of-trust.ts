// By whose signatures an image counts. Fields and limits: openshift/api config/v1 types_image_policy.go, PolicyRootOfTrust.
import { createPublicKey, X509Certificate } from 'node:crypto';
import * as z from 'zod';
import type { FieldError } from '../resource.ts';
import { withRules } from '../structural-schema.ts';

const base64 = '^[A-Za-z0-9+/]+={0,2}$';
const publicKey = 'PUBLIC KEY';
const certificate = 'CERTIFICATE';
type Block = typeof publicKey | typeof certificate;

/** Base64 of PEM. 8192 characters, as the reference has it. */
function pemSchema(block: Block) {
  // Three bytes are four characters: of the marker, as much as ends there says what follows.
  const begin = Buffer.from(`-----BEGIN ${block}---`).subarray(0, block === publicKey ? 24 : 21);
  return z
    .string()
    .min(68)
    .max(8192)
    .regex(new RegExp(base64))
    .meta(withRules({ rule: `self.startsWith('${begin.toString('base64')}')`, message: notPem(block) }));
}

const emailPattern = '^[^@\\s]+@[^@\\s]+$';

const fulcioSchema = z.object({
  fulcioCAData: pemSchema(certificate).describe('Certificate of the Fulcio authority: base64 of PEM.'),
  rekorKeyData: pemSchema(publicKey).describe('Public key of the Rekor log: base64 of PEM.'),
  fulcioSubject: z
    .object({
      oidcIssuer: z
        .string()
        .max(2048)
        .regex(/^https?:\/\/[^\s/]+/)
        .describe('Who said who signs.'),
      signedEmail: z.string().max(320).regex(new RegExp(emailPattern)).describe('Who signs.'),
    })
    .describe('What the certificate of a signature must say.'),
});

const pkiSchema = z.object({
  caRootsData: pemSchema(certificate).describe('Certificates of the roots: base64 of PEM.'),
  caIntermediatesData: pemSchema(certificate).optional().describe('Certificates between them and those that sign.'),
  pkiCertificateSubject: z
    .object({
      email: z.string().max(320).regex(new RegExp(emailPattern)).optional(),
      hostname: z
        .string()
        .max(253)
        .regex(/^[A-Za-z0-9.*-]+$/)
        .optional(),
    })
    .describe('What the certificate of a signature must say; at least one of the two.')
    .meta(withRules({ rule: 'has(self.email) || has(self.hostname)', message: 'names neither email nor hostname' })),
});

export const rootOfTrustSchema = z
  .object({
    policyType: z.enum(['PublicKey', 'FulcioCAWithRekor', 'PKI']),
    publicKey: z
      .object({
        keyData: pemSchema(publicKey).describe('The key that signs: base64 of PEM.'),
        rekorKeyData: pemSchema(publicKey).optional().describe('Key of the Rekor log that must have the signature.'),
      })
      .optional()
      .describe('Only for type PublicKey.'),
    fulcioCAWithRekor: fulcioSchema.optional().describe('Only for type FulcioCAWithRekor.'),
    pki: pkiSchema.optional().describe('Only for type PKI.'),
  })
  .describe('By whose signatures an image counts.')
  .meta(
    withRules(
      ...unionMembers().map(([field, type]) => ({
        rule: `(self.policyType == '${type}') == has(self.${field})`,
        message: onlyFor(type),
        fieldPath: `.${field}`,
      })),
    ),
  );
export type RootOfTrust = z.infer<typeof rootOfTrustSchema>;

/** Every violation that the schema cannot express; `at` is the root's own path. */
export function rootOfTrustProblems(root: RootOfTrust, at: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [field, type] of unionMembers()) {
    if ((root.policyType === type) !== (root[field] !== undefined)) {
      errors.push({ reason: 'FieldValueInvalid', field: `${at}.${field}`, message: onlyFor(type) });
    }
  }
  const { publicKey: key, fulcioCAWithRekor: fulcio, pki } = root;
  const blocks: readonly [field: string, data: string | undefined, block: Block][] = [
    ['publicKey.keyData', key?.keyData, publicKey],
    ['publicKey.rekorKeyData', key?.rekorKeyData, publicKey],
    ['fulcioCAWithRekor.fulcioCAData', fulcio?.fulcioCAData, certificate],
    ['fulcioCAWithRekor.rekorKeyData', fulcio?.rekorKeyData, publicKey],
    ['pki.caRootsData', pki?.caRootsData, certificate],
    ['pki.caIntermediatesData', pki?.caIntermediatesData, certificate],
  ];
  for (const [field, data, block] of blocks) {
    const problem = data === undefined ? undefined : pemProblem(data, block);
    if (problem) errors.push({ reason: 'FieldValueInvalid', field: `${at}.${field}`, message: problem });
  }
  const { email, hostname } = pki?.pkiCertificateSubject ?? { hostname: '' };
  if (email === undefined && hostname === undefined) {
    const field = `${at}.pki.pkiCertificateSubject`;
    errors.push({ reason: 'FieldValueRequired', field, message: 'names neither email nor hostname' });
  }
  return errors;
}

function unionMembers() {
  return [
    ['publicKey', 'PublicKey'],
    ['fulcioCAWithRekor', 'FulcioCAWithRekor'],
    ['pki', 'PKI'],
  ] as const;
}

function pemProblem(data: string, block: Block): string | undefined {
  const text = Buffer.from(data, 'base64').toString('latin1').trim();
  const begin = `-----BEGIN ${block}-----`;
  const end = `-----END ${block}-----`;
  if (!text.startsWith(begin) || !text.endsWith(end)) return notPem(block);
  const blocks = text
    .split(begin)
    .slice(1)
    .map((body) => begin + body);
  if (block === publicKey && blocks.length > 1) return `holds ${blocks.length} keys; one is allowed`;
  try {
    for (const pem of blocks) {
      if (block === publicKey) createPublicKey(pem);
      else new X509Certificate(pem);
    }
    return undefined;
  } catch {
    return notPem(block);
  }
}

function notPem(block: Block): string {
  return `is no base64 of PEM with BEGIN ${block}; write it with \`base64 -w0 FILE\``;
}

function onlyFor(type: string): string {
  return `is required when policyType is ${type}, and forbidden otherwise`;
}
