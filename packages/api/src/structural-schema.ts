// Structural schemas as CustomResourceDefinitions have them (OpenAPI v3 without the parts that contradict pruning), made
// from the JSON Schema that zod writes. On the embedded API server they drive pruning, defaulting, validation, patches and
// OpenAPI; for Kubernetes they become CustomResourceDefinitions.
import * as z from 'zod';
import type { ResourceDefinition } from './resource.ts';

type JsonObject = Record<string, unknown>;

export type StructuralType = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';

/** A rule in the Common Expression Language (apiextensions.k8s.io/v1 ValidationRule). */
export interface ValidationRule {
  /** `self` is the value that the rule stands on, `oldSelf` its last state. */
  readonly rule: string;
  /** One line; the field's path is not repeated. */
  readonly message: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
  /** Below `self`, such as `.reload`. */
  readonly fieldPath?: string;
}

export interface StructuralSchema {
  readonly type?: StructuralType;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly required?: readonly string[];
  /** Schema of the values of a map. */
  readonly additionalProperties?: StructuralSchema;
  readonly items?: StructuralSchema;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly nullable?: boolean;
  readonly format?: string;
  /** A time with exactly six digits of a second. */
  readonly microTime?: boolean;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly intOrString?: boolean;
  readonly preserveUnknownFields?: boolean;
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  /** Whether server-side apply takes a map or structure as one piece; granular unless it says so. */
  readonly mapType?: 'atomic' | 'granular';
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
  readonly validations?: readonly ValidationRule[];
}

/** Rules as `meta` of a schema, from which the structural schema takes them. */
export function withRules(...rules: readonly ValidationRule[]): { readonly 'x-kubernetes-validations': unknown } {
  return { 'x-kubernetes-validations': rules };
}

/** Structural schema of a kind, with `metadata` as a plain object: that part has rules of its own. */
export function structuralSchema(definition: ResourceDefinition): StructuralSchema {
  const json: unknown = z.toJSONSchema(definition.schema, { io: 'input', unrepresentable: 'any' });
  const schema = convert(isRecord(json) ? json : {});
  return { ...schema, properties: { ...schema.properties, metadata: { type: 'object', preserveUnknownFields: true } } };
}

function convert(json: JsonObject): StructuralSchema {
  const union = Array.isArray(json.anyOf) ? json.anyOf.filter(isRecord) : undefined;
  if (union !== undefined) return convertUnion(json, union);
  const type = typeOf(json.type);
  const format = textOf(json.format);
  const isTime = format === 'date-time';
  return defined({
    type,
    description: textOf(json.description),
    default: json.default,
    format,
    microTime: json['x-varve-micro-time'] === true ? true : undefined,
    // zod spells a date out as a pattern that no person can read in an error.
    pattern: isTime ? undefined : textOf(json.pattern),
    enum: enumOf(json),
    minimum: boundOf(json.minimum),
    maximum: boundOf(json.maximum),
    minLength: numberOf(json.minLength),
    maxLength: numberOf(json.maxLength),
    minItems: numberOf(json.minItems),
    maxItems: numberOf(json.maxItems),
    intOrString: json['x-kubernetes-int-or-string'] === true || Array.isArray(json.type) ? true : undefined,
    listType: listTypeOf(json['x-kubernetes-list-type']),
    listMapKeys: textsOf(json['x-kubernetes-list-map-keys']),
    mapType: mapTypeOf(json['x-kubernetes-map-type']),
    patchStrategy: textOf(json['x-kubernetes-patch-strategy']),
    patchMergeKey: textOf(json['x-kubernetes-patch-merge-key']),
    validations: rulesOf(json['x-kubernetes-validations']),
    required: textsOf(json.required),
    properties: isRecord(json.properties) ? convertAll(json.properties) : undefined,
    items: isRecord(json.items) ? convert(json.items) : undefined,
    ...convertMap(json, type),
  });
}

/** A map keeps its keys; one with values of any shape keeps everything. */
function convertMap(json: JsonObject, type: StructuralType | undefined): StructuralSchema {
  if (json['x-kubernetes-preserve-unknown-fields'] === true) return { preserveUnknownFields: true };
  const values = json.additionalProperties;
  if (isRecord(values) && Object.keys(values).length > 0) return { additionalProperties: convert(values) };
  if (json['x-kubernetes-int-or-string'] === true || Array.isArray(json.type)) return {};
  const free =
    values === true || isRecord(values) || (type === undefined && json.enum === undefined && json.const === undefined);
  return free ? { preserveUnknownFields: true } : {};
}

/** `X or null` becomes a nullable X; any other union is int-or-string, the only one that structural schemas know. */
function convertUnion(json: JsonObject, union: readonly JsonObject[]): StructuralSchema {
  const others = union.filter((part) => part.type !== 'null');
  const [only] = others;
  const outer = defined({
    description: textOf(json.description),
    default: json.default,
    nullable: others.length < union.length ? true : undefined,
  });
  if (others.length === 1 && only !== undefined) return { ...convert({ ...only, ...withoutUnion(json) }), ...outer };
  const pattern = textOf(others.find((part) => part.type === 'string')?.pattern);
  const minimum = boundOf(others.find((part) => part.type === 'integer')?.minimum);
  return { ...defined({ pattern, minimum }), ...outer, intOrString: true };
}

function withoutUnion(json: JsonObject): JsonObject {
  const { anyOf: _, ...rest } = json;
  return rest;
}

function convertAll(properties: JsonObject): Record<string, StructuralSchema> {
  const converted: Record<string, StructuralSchema> = {};
  for (const [name, property] of Object.entries(properties))
    if (isRecord(property)) converted[name] = convert(property);
  return converted;
}

type Loose<T> = { [K in keyof T]?: T[K] | undefined };

function defined(schema: Loose<StructuralSchema>): StructuralSchema {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}

function typeOf(value: unknown): StructuralType | undefined {
  const types: readonly StructuralType[] = ['object', 'array', 'string', 'integer', 'number', 'boolean'];
  return types.find((type) => type === value);
}

function enumOf(json: JsonObject): readonly unknown[] | undefined {
  if (Array.isArray(json.enum)) return json.enum;
  return json.const === undefined ? undefined : [json.const];
}

function listTypeOf(value: unknown): StructuralSchema['listType'] {
  return value === 'atomic' || value === 'set' || value === 'map' ? value : undefined;
}

function mapTypeOf(value: unknown): StructuralSchema['mapType'] {
  return value === 'atomic' || value === 'granular' ? value : undefined;
}

/** As `meta` of a schema has them; whoever writes one there writes a ValidationRule. */
function rulesOf(value: unknown): readonly ValidationRule[] | undefined {
  return Array.isArray(value) ? value.filter(isRule) : undefined;
}

function isRule(value: unknown): value is ValidationRule {
  return isRecord(value) && typeof value.rule === 'string' && typeof value.message === 'string';
}

function isRecord(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function textsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((item) => typeof item === 'string');
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** zod writes the range of safe integers as bounds; they say nothing. */
function boundOf(value: unknown): number | undefined {
  return typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;
}
