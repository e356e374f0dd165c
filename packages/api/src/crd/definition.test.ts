// What kube-apiserver demands of a CustomResourceDefinition before it takes it (apiextensions-apiserver
// pkg/apis/apiextensions/validation and pkg/apiserver/schema, "structural schemas"), held against each of ours.
import { RE2JS } from '@bufbuild/re2';
import { describe, expect, test } from 'vitest';
import { resources } from '../resources.ts';
import { customResourceDefinition } from './definition.ts';
import type { JsonSchemaProps } from './schema-props.ts';

const custom = resources.filter((definition) => definition.custom);

test('there is one for each kind of ours', () => {
  expect(custom.map(customResourceDefinition).map(({ metadata }) => metadata.name)).toEqual([
    'machineconfigpools.machineconfiguration.openshift.io',
    'machineconfignodes.machineconfiguration.openshift.io',
    'machineconfigs.machineconfiguration.openshift.io',
    'machineconfigurations.operator.openshift.io',
    'clusterimagepolicies.config.openshift.io',
  ]);
});

test('and none for a kind of Kubernetes itself', () => {
  for (const definition of resources.filter((one) => !one.custom)) {
    expect(() => customResourceDefinition(definition), definition.kind).toThrow('own');
  }
});

describe.each(custom)('$kind', (definition) => {
  const { metadata, spec } = customResourceDefinition(definition);
  const [version] = spec.versions;
  if (!version) throw new Error('it has no version');
  const root = version.schema.openAPIV3Schema;

  test('has a structural schema', () => {
    expect(root.type).toBe('object');
    expect(problemsOf(root, '', true)).toEqual([]);
  });

  test('has names as the server wants them', () => {
    const label = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
    expect(metadata.name).toBe(`${spec.names.plural}.${spec.group}`);
    const { plural, singular, shortNames = [], categories = [], kind, listKind } = spec.names;
    for (const name of [plural, singular, ...shortNames, ...categories]) expect(name).toMatch(label);
    expect(plural).not.toBe(singular);
    expect(listKind).not.toBe(kind);
    // Other groups of *.k8s.io and *.kubernetes.io need the approval of Kubernetes' own reviewers.
    expect(spec.group).not.toMatch(/(^|\.)(k8s|kubernetes)\.io$/);
  });

  test('prints columns whose paths lead somewhere', () => {
    expect(version.additionalPrinterColumns?.length).toBeGreaterThan(0);
    for (const { jsonPath, type } of version.additionalPrinterColumns ?? []) {
      const schema = schemaAt(root, jsonPath);
      if (schema === undefined) expect(jsonPath, jsonPath).toMatch(/^\.metadata\.creationTimestamp$/);
      else expect(type === 'date' ? 'string' : type, jsonPath).toBe(schema.type);
    }
  });

  test('has a status apart where the kind has one', () => {
    expect(version.subresources).toEqual('status' in (root.properties ?? {}) ? { status: {} } : undefined);
  });
});

/** Why the server would refuse the schema; empty when it would not. */
function problemsOf(schema: JsonSchemaProps, path: string, isRoot = false): string[] {
  const problems: string[] = [];
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const either = schema['x-kubernetes-int-or-string'] === true;
  const say = (problem: string) => problems.push(`${path || 'the root'} ${problem}`);
  if (schema.type === undefined && !either) say('has no type');
  if (either && schema.type !== undefined) say('is int-or-string and has a type');
  if (schema.properties && schema.additionalProperties) say('has properties and additionalProperties');
  if (schema.properties && schema.type !== 'object') say('has properties and is no object');
  if (schema.type === 'array' && !schema.items) say('is an array without items');
  if (schema.type === 'object' && !isRoot && !schema.properties && !schema.additionalProperties && !open) {
    if (path !== '.metadata') say('would lose whatever is in it');
  }
  for (const field of schema.required ?? []) {
    if (!schema.properties?.[field]) say(`requires ${field}, which it does not have`);
    if (schema.properties?.[field]?.default !== undefined) say(`requires ${field}, which has a default`);
  }
  if (schema.pattern !== undefined) RE2JS.compile(schema.pattern);
  problems.push(...ruleProblems(schema, path), ...listProblems(schema, path), ...defaultProblems(schema, path, isRoot));
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    problems.push(...problemsOf(child, `${path}.${name}`));
  }
  if (schema.items) problems.push(...problemsOf(schema.items, `${path}[]`));
  if (schema.additionalProperties) problems.push(...problemsOf(schema.additionalProperties, `${path}.*`));
  return problems;
}

function ruleProblems(schema: JsonSchemaProps, path: string): string[] {
  const problems: string[] = [];
  const rules = schema['x-kubernetes-validations'] ?? [];
  for (const { rule, message } of rules) {
    if (/[\r\n]/.test(rule) || /[\r\n]/.test(message)) problems.push(`${path} has a rule of several lines`);
    if (message.trim() === '' || Buffer.byteLength(message) > 2048) problems.push(`${path} has a bad message`);
  }
  // Without bounds the server takes the largest request for the cost of a rule, and refuses the rule.
  if (rules.length > 0 && schema.type === 'string' && schema.maxLength === undefined) {
    problems.push(`${path} has rules and no maxLength`);
  }
  if (schema.type === 'array' && schema.maxItems === undefined && schema.items && hasRules(schema.items)) {
    problems.push(`${path} has rules below it and no maxItems`);
  }
  return problems;
}

function hasRules(schema: JsonSchemaProps): boolean {
  if (schema['x-kubernetes-validations']) return true;
  return [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])].some(hasRules);
}

function listProblems(schema: JsonSchemaProps, path: string): string[] {
  const type = schema['x-kubernetes-list-type'];
  if (type === undefined) return [];
  const problems: string[] = [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (schema.type !== 'array') problems.push(`${path} is a list of type ${type} and no array`);
  if ((type === 'map') !== keys.length > 0) problems.push(`${path} is a ${type} with ${keys.length} keys`);
  if (type === 'set' && schema.items?.type === 'object') problems.push(`${path} is a set of objects`);
  for (const key of keys) {
    const property = schema.items?.properties?.[key];
    if (!['string', 'integer', 'boolean'].includes(property?.type ?? '')) problems.push(`${path} ${key} is no scalar`);
    if (property?.default === undefined && !schema.items?.required?.includes(key)) {
      problems.push(`${path} has the key ${key}, which is neither required nor has a default`);
    }
    if (property?.nullable) problems.push(`${path} has the key ${key}, which can be null`);
  }
  return problems;
}

function defaultProblems(schema: JsonSchemaProps, path: string, isRoot: boolean): string[] {
  if (schema.default === undefined) return [];
  if (isRoot || path.startsWith('.metadata')) return [`${path} must not have a default`];
  const type = Array.isArray(schema.default) ? 'array' : typeof schema.default;
  if (type !== (schema.type === 'integer' ? 'number' : schema.type)) return [`${path} has a default of type ${type}`];
  if (type !== 'object' || schema.default === null) return [];
  const missing = (schema.required ?? []).filter((field) => !Object.hasOwn(Object(schema.default), field));
  return missing.length > 0 ? [`${path} has a default without ${missing.join(' and ')}`] : [];
}

/** The schema behind a simple JSONPath such as `.status.conditions[?(@.type=="Updated")].status`. */
function schemaAt(root: JsonSchemaProps, jsonPath: string): JsonSchemaProps | undefined {
  let schema: JsonSchemaProps | undefined = root;
  for (const step of jsonPath.match(/\[[^\]]*\]|[A-Za-z]+/g) ?? []) {
    if (schema?.['x-kubernetes-preserve-unknown-fields']) return { type: 'string' };
    schema = step.startsWith('[') ? schema?.items : schema?.properties?.[step];
  }
  return schema;
}
