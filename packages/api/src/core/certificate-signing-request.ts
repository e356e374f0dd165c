// CertificateSigningRequest (certificates.k8s.io/v1): how a host or a person asks for a client certificate.
import * as z from 'zod';
import type { FieldError, KubeObject, ObjectMeta, ResourceDefinition } from '../resource.ts';
import { humanDuration } from './duration.ts';
import { listAt, textAt, valueAt } from './read.ts';
import { timeSchema } from './time.ts';

/** KeyUsage values of certificates.k8s.io/v1. */
const keyUsages = [
  'signing',
  'digital signature',
  'content commitment',
  'key encipherment',
  'key agreement',
  'data encipherment',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
] as const;

/** Signer of client certificates for hosts: O=system:nodes, CN=system:node:<name>. */
export const kubeletClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';
/** In `extra` of a user whose token is bound to a pod: the pod's node (KEP-4193). */
export const nodeNameClaim = 'authentication.kubernetes.io/node-name';
/** Signer of client certificates for people and programs; never for O=system:masters. */
export const clientSigner = 'kubernetes.io/kube-apiserver-client';

const csrConditionSchema = z.object({
  type: z.string().describe('Approved, Denied or Failed.'),
  status: z.enum(['True', 'False', 'Unknown']).default('True'),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastUpdateTime: timeSchema.nullable().optional(),
  lastTransitionTime: timeSchema.nullable().optional(),
});

const certificateSigningRequestSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  spec: z
    .object({
      request: z.string().describe('A PEM-encoded PKCS#10 request, base64-encoded.').meta({ format: 'byte' }),
      signerName: z.string().max(571).describe('Who is to sign it, such as kubernetes.io/kube-apiserver-client.'),
      expirationSeconds: z.int().min(600).optional().describe('Requested time of validity; at least 600.'),
      usages: z
        .array(z.enum(keyUsages))
        .optional()
        .describe('Key usages of the certificate.')
        .meta({ 'x-kubernetes-list-type': 'atomic' }),
      username: z.string().optional().describe('Who asked. Written by the server.'),
      uid: z.string().optional().describe('Written by the server.'),
      groups: z
        .array(z.string())
        .optional()
        .describe('Written by the server.')
        .meta({ 'x-kubernetes-list-type': 'atomic' }),
      extra: z.record(z.string(), z.array(z.string())).optional().describe('Written by the server.'),
    })
    .describe('The request. It cannot be changed after creation.'),
  status: z
    .object({
      conditions: z
        .array(csrConditionSchema)
        .optional()
        .describe('Approved or Denied, and Failed.')
        .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
      certificate: z
        .string()
        .optional()
        .describe('The issued certificate as PEM, base64-encoded.')
        .meta({ format: 'byte' }),
    })
    .optional()
    .describe('Whether it was approved, and the certificate.'),
});

export interface CertificateSigningRequest {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec: z.infer<typeof certificateSigningRequestSchema>['spec'];
  status?: z.infer<typeof certificateSigningRequestSchema>['status'];
}

function conditionCell(csr: KubeObject): string {
  const types = listAt(csr, 'status', 'conditions').map((condition) => textAt(condition, 'type'));
  const words = ['Approved', 'Denied', 'Failed'].filter((type) => types.includes(type));
  if (words.length === 0) words.push('Pending');
  if (textAt(csr, 'status', 'certificate') !== '') words.push('Issued');
  return words.join(',');
}

function durationCell(csr: KubeObject): string {
  const seconds = valueAt(csr, 'spec', 'expirationSeconds');
  return typeof seconds === 'number' ? humanDuration(seconds) : '<none>';
}

/** kubernetes/pkg/apis/certificates/validation. */
function validateRequest(csr: CertificateSigningRequest, old: CertificateSigningRequest | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (old !== undefined) return validateDecision(csr, old);
  if (!isPem(csr.spec.request, 'CERTIFICATE REQUEST')) {
    errors.push({
      reason: 'FieldValueInvalid',
      field: 'spec.request',
      message: 'Invalid value: PEM block type must be CERTIFICATE REQUEST',
    });
  }
  if ((csr.spec.usages ?? []).length === 0) {
    errors.push({ reason: 'FieldValueRequired', field: 'spec.usages', message: 'Required value: usages are required' });
  }
  if (csr.spec.signerName === '') {
    errors.push({ reason: 'FieldValueRequired', field: 'spec.signerName', message: 'Required value' });
  } else if (csr.spec.signerName === 'kubernetes.io/legacy-unknown') {
    errors.push({
      reason: 'FieldValueInvalid',
      field: 'spec.signerName',
      message: `Invalid value: "${csr.spec.signerName}": the legacy signerName is not allowed via this API version`,
    });
  } else if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[a-z0-9A-Z]([-a-z0-9A-Z._:]*[a-z0-9A-Z])?$/.test(csr.spec.signerName)) {
    errors.push({
      reason: 'FieldValueInvalid',
      field: 'spec.signerName',
      message: `Invalid value: ${JSON.stringify(csr.spec.signerName)}: must be of the form <domain>/<path>`,
    });
  }
  return errors;
}

function validateDecision(csr: CertificateSigningRequest, old: CertificateSigningRequest): FieldError[] {
  const errors: FieldError[] = [];
  const types = (csr.status?.conditions ?? []).map((condition) => condition.type);
  if (types.includes('Approved') && types.includes('Denied')) {
    errors.push({
      reason: 'FieldValueInvalid',
      field: 'status.conditions',
      message: 'Invalid value: Approved and Denied conditions are mutually exclusive',
    });
  }
  for (const { type } of old.status?.conditions ?? []) {
    if (types.includes(type)) continue;
    errors.push({
      reason: 'FieldValueForbidden',
      field: 'status.conditions',
      message: `Forbidden: updates may not remove a condition of type ${JSON.stringify(type)}`,
    });
  }
  const certificate = csr.status?.certificate ?? '';
  const issued = old.status?.certificate ?? '';
  if (issued !== '' && certificate !== issued) {
    errors.push({
      reason: 'FieldValueForbidden',
      field: 'status.certificate',
      message: 'Forbidden: updates may not set certificate content once it is issued',
    });
  } else if (certificate !== '' && !isPem(certificate, 'CERTIFICATE')) {
    errors.push({
      reason: 'FieldValueInvalid',
      field: 'status.certificate',
      message: 'Invalid value: must contain at least one CERTIFICATE PEM block',
    });
  }
  return errors;
}

function isPem(base64: string, label: string): boolean {
  const text = Buffer.from(base64, 'base64').toString('latin1');
  const begin = text.indexOf(`-----BEGIN ${label}-----`);
  return begin >= 0 && text.indexOf(`-----END ${label}-----`, begin) > begin;
}

export const certificateSigningRequestResource: ResourceDefinition<CertificateSigningRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  singular: 'certificatesigningrequest',
  shortNames: ['csr'],
  categories: [],
  scope: 'Cluster',
  schema: certificateSigningRequestSchema.describe('A request for a client certificate, and the answer to it.'),
  statusSubresource: true,
  custom: false,
  storage: 'durable',
  columns: [
    { name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' },
    {
      name: 'SignerName',
      type: 'string',
      description: 'Who is to sign it',
      cell: (csr) => textAt(csr, 'spec', 'signerName'),
    },
    { name: 'Requestor', type: 'string', description: 'Who asked', cell: (csr) => textAt(csr, 'spec', 'username') },
    { name: 'RequestedDuration', type: 'string', description: 'Requested time of validity', cell: durationCell },
    { name: 'Condition', type: 'string', description: 'What became of it', cell: conditionCell },
  ],
  selectableFields: ['spec.signerName'],
  validate: validateRequest,
};
