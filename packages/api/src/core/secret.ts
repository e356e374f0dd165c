// Secret (core/v1): named bytes that only their readers may see.
import * as z from 'zod';
import type { FieldError, ObjectMeta, ResourceDefinition } from '../resource.ts';
import { validateBase64, validateDataSize, validateImmutable, validateKeys } from './data.ts';
import { keysAt, textAt } from './read.ts';

const secretSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  type: z
    .string()
    .optional()
    .describe('Facilitates programmatic handling of the data. Default Opaque; it cannot be changed.'),
  data: z
    .record(z.string(), z.string().meta({ format: 'byte' }))
    .optional()
    .describe('The values, base64-encoded. Keys consist of alphanumeric characters, "-", "_" or ".".'),
  stringData: z
    .record(z.string(), z.string())
    .optional()
    .describe('Values as plain text: written into data and never returned.'),
  immutable: z.boolean().optional().describe('True: the data cannot be changed until the object is deleted.'),
});

export interface Secret {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  type?: string | undefined;
  /** Base64. */
  data?: Record<string, string> | undefined;
  stringData?: Record<string, string> | undefined;
  immutable?: boolean | undefined;
}

/** Keys that a secret of a well-known type must have (kubernetes/pkg/apis/core/validation ValidateSecret). */
const requiredKeys: ReadonlyMap<string, readonly string[]> = new Map([
  ['kubernetes.io/tls', ['tls.crt', 'tls.key']],
  ['kubernetes.io/dockerconfigjson', ['.dockerconfigjson']],
  ['kubernetes.io/dockercfg', ['.dockercfg']],
  ['kubernetes.io/ssh-auth', ['ssh-privatekey']],
]);

function validateSecret(secret: Secret, old: Secret | undefined): FieldError[] {
  const data = secret.data ?? {};
  const errors = [
    ...validateKeys('data', Object.keys(data)),
    ...validateBase64('data', data),
    ...validateDataSize(
      'data',
      Object.values(data).map((value) => Buffer.byteLength(value, 'base64')),
    ),
    ...validateImmutable(secret, old, ['data']),
  ];
  for (const key of requiredKeys.get(secret.type ?? '') ?? []) {
    if (!Object.hasOwn(data, key)) {
      errors.push({ reason: 'FieldValueRequired', field: `data[${key}]`, message: 'Required value' });
    }
  }
  if (old !== undefined && secret.type !== old.type) {
    errors.push({
      reason: 'FieldValueInvalid',
      field: 'type',
      message: `Invalid value: ${JSON.stringify(secret.type ?? '')}: field is immutable`,
    });
  }
  return errors;
}

export const secretResource: ResourceDefinition<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  singular: 'secret',
  shortNames: [],
  categories: [],
  scope: 'Namespaced',
  schema: secretSchema.describe('Holds secret data of a certain type. The values of data are base64-encoded.'),
  statusSubresource: false,
  custom: false,
  storage: 'durable',
  columns: [
    {
      name: 'Type',
      type: 'string',
      description: 'What kind of secret it is',
      cell: (object) => textAt(object, 'type'),
    },
    { name: 'Data', type: 'string', description: 'Number of values', cell: (object) => keysAt(object, 'data').length },
    { name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' },
  ],
  selectableFields: ['type'],
  validate: validateSecret,
};
