// Structural schemas in the words of apiextensions.k8s.io/v1 JSONSchemaProps.
import type { StructuralSchema, ValidationRule } from '../structural-schema.ts';

export interface JsonSchemaProps {
  readonly type?: string;
  readonly description?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly nullable?: boolean;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchemaProps>>;
  readonly additionalProperties?: JsonSchemaProps;
  readonly items?: JsonSchemaProps;
  readonly anyOf?: readonly JsonSchemaProps[];
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-map-type'?: string;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** The schema of a whole object. Servers know the rules of apiVersion, kind and metadata by themselves. */
export function rootSchemaProps(schema: StructuralSchema): JsonSchemaProps {
  const required = (schema.required ?? []).filter((field) => field !== 'apiVersion' && field !== 'kind');
  const { required: _required, properties = {}, ...props } = schemaProps(schema);
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...fields } = properties;
  return {
    ...props,
    ...(required.length > 0 && { required }),
    properties: {
      apiVersion: { type: 'string', description: 'Version of the API group and of this form of the object.' },
      kind: { type: 'string', description: 'What the object is.' },
      metadata: { type: 'object' },
      ...fields,
    },
  };
}

/** Fields that structural schemas and JSON Schema call alike. */
const plainFields = [
  'description',
  'format',
  'default',
  'enum',
  'nullable',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'required',
] as const satisfies readonly (keyof JsonSchemaProps & keyof StructuralSchema)[];

function schemaProps(schema: StructuralSchema): JsonSchemaProps {
  const { properties, additionalProperties, items, intOrString, preserveUnknownFields } = schema;
  const props: { [K in keyof JsonSchemaProps]: JsonSchemaProps[K] | undefined } = {
    type: intOrString ? undefined : (schema.type ?? (preserveUnknownFields ? 'object' : undefined)),
    ...Object.fromEntries(plainFields.map((field) => [field, schema[field]])),
    // The one place where a structural schema names types in anyOf (kubernetes.io, "Specifying a structural schema").
    anyOf: intOrString ? [{ type: 'integer' }, { type: 'string' }] : undefined,
    properties: properties && mapValues(properties),
    additionalProperties: additionalProperties && schemaProps(additionalProperties),
    items: items && schemaProps(items),
    'x-kubernetes-int-or-string': intOrString ? true : undefined,
    'x-kubernetes-preserve-unknown-fields': preserveUnknownFields ? true : undefined,
    'x-kubernetes-map-type': schema.mapType,
    'x-kubernetes-list-type': schema.listType,
    'x-kubernetes-list-map-keys': schema.listMapKeys,
    'x-kubernetes-validations': schema.validations,
  };
  return Object.fromEntries(Object.entries(props).filter(([, value]) => value !== undefined));
}

function mapValues(properties: Readonly<Record<string, StructuralSchema>>): Record<string, JsonSchemaProps> {
  return Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, schemaProps(property)]));
}
