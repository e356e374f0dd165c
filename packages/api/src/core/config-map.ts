// ConfigMap (core/v1): named values, as text or as bytes.
import * as z from 'zod';
import type { FieldError, ObjectMeta, ResourceDefinition } from '../resource.ts';
import { validateBase64, validateDataSize, validateImmutable, validateKeys } from './data.ts';
import { keysAt } from './read.ts';

const configMapSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  data: z
    .record(z.string(), z.string())
    .optional()
    .describe('The values as text. Keys consist of alphanumeric characters, "-", "_" or ".".'),
  binaryData: z
    .record(z.string(), z.string().meta({ format: 'byte' }))
    .optional()
    .describe('Values that are not UTF-8, base64-encoded. A key may not also be in data.'),
  immutable: z.boolean().optional().describe('True: the data cannot be changed until the object is deleted.'),
});

export interface ConfigMap {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  data?: Record<string, string> | undefined;
  /** Base64. */
  binaryData?: Record<string, string> | undefined;
  immutable?: boolean | undefined;
}

function validateConfigMap(configMap: ConfigMap, old: ConfigMap | undefined): FieldError[] {
  const data = configMap.data ?? {};
  const binaryData = configMap.binaryData ?? {};
  const errors = [
    ...validateKeys('data', Object.keys(data)),
    ...validateKeys('binaryData', Object.keys(binaryData)),
    ...validateBase64('binaryData', binaryData),
    // Upstream names the whole object so.
    ...validateDataSize('[]', [
      ...Object.values(data).map((value) => Buffer.byteLength(value)),
      ...Object.values(binaryData).map((value) => Buffer.byteLength(value, 'base64')),
    ]),
    ...validateImmutable(configMap, old, ['data', 'binaryData']),
  ];
  for (const key of Object.keys(data)) {
    if (!Object.hasOwn(binaryData, key)) continue;
    errors.push({
      reason: 'FieldValueInvalid',
      field: `data[${key}]`,
      message: `Invalid value: ${JSON.stringify(key)}: duplicate of key present in binaryData`,
    });
  }
  return errors;
}

export const configMapResource: ResourceDefinition<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  singular: 'configmap',
  shortNames: ['cm'],
  categories: [],
  scope: 'Namespaced',
  schema: configMapSchema.describe('Holds configuration data for hosts and controllers.'),
  statusSubresource: false,
  custom: false,
  storage: 'durable',
  columns: [
    {
      name: 'Data',
      type: 'string',
      description: 'Number of values',
      cell: (object) => keysAt(object, 'data').length + keysAt(object, 'binaryData').length,
    },
    { name: 'Age', type: 'date', description: 'Time since creation', jsonPath: '.metadata.creationTimestamp' },
  ],
  selectableFields: [],
  validate: validateConfigMap,
};
