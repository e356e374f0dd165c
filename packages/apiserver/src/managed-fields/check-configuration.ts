// What an applied configuration must be before it is merged: of the schema's types, with declared fields only, and with
// list items that can be told apart (structured-merge-diff typed/validate.go).
import { textAt } from '@varve/api';
import { isRecord, type JsonObject } from '../object.ts';
import type { ServedResource } from '../resources.ts';
import type { Schema } from '../schema/structural.ts';
import { badRequest } from '../status.ts';
import { elementText, fieldElement, itemElement, keysOf } from './elements.ts';
import { fieldSchema, itemSchema } from './shape.ts';

/** More than this helps nobody and fills the answer. */
const maxProblems = 20;

/** Throws 400 for a configuration that cannot be merged; upstream answers 500 with the same words. */
export function checkConfiguration(config: JsonObject, resource: ServedResource): void {
  if (isRecord(config.metadata) && (config.metadata.managedFields ?? null) !== null) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const problems = configurationProblems(config, resource.wholeSchema);
  if (problems.length === 0) return;
  const text = problems.length === 1 ? problems[0] : `errors:\n  ${problems.join('\n  ')}`;
  const { group, version, kind } = resource.definition;
  const object = `${textAt(config, 'metadata', 'namespace')}/${textAt(config, 'metadata', 'name')}`;
  throw badRequest(`failed to create typed patch object (${object}; ${group}/${version}, Kind=${kind}): ${text}`);
}

/** What is wrong, as `<path>: <why>`; empty when the configuration can be merged. */
function configurationProblems(value: unknown, schema: Schema): string[] {
  const problems: string[] = [];
  check(value, schema, '', problems);
  return problems.slice(0, maxProblems);
}

function check(value: unknown, schema: Schema, path: string, problems: string[]): void {
  if (value === null || problems.length >= maxProblems) return;
  const expected = expectedType(schema);
  if (expected !== undefined && !fits(value, expected)) {
    problems.push(`${path}: expected ${expected}, got ${nameOf(value)}`);
    return;
  }
  if (Array.isArray(value)) checkItems(value, schema, path, problems);
  else if (isRecord(value)) checkFields(value, schema, path, problems);
}

function checkFields(value: Record<string, unknown>, schema: Schema, path: string, problems: string[]): void {
  for (const [name, child] of Object.entries(value)) {
    const at = path + elementText(fieldElement(name));
    const declared = fieldSchema(schema, name);
    if (declared === undefined) problems.push(`${at}: field not declared in schema`);
    else check(child, declared, at, problems);
  }
}

function checkItems(items: readonly unknown[], schema: Schema, path: string, problems: string[]): void {
  const merged = schema.listType === 'set' || schema.listType === 'map';
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const problem = merged ? itemProblem(item, schema) : undefined;
    if (problem !== undefined) {
      problems.push(`${path}: element ${index}: ${problem}`);
      continue;
    }
    const element = merged ? itemElement(item, schema) : `i:${index}`;
    if (seen.has(element)) problems.push(`${path}: duplicate entries for key ${elementText(element)}`);
    seen.add(element);
    check(item, itemSchema(schema), path + elementText(element), problems);
  }
}

function itemProblem(item: unknown, schema: Schema): string | undefined {
  if (schema.listType === 'set') {
    if (item === null) return "associative list without keys has an element that's an explicit null";
    return typeof item === 'object' ? 'associative list without keys has an element that is not a scalar' : undefined;
  }
  if (!isRecord(item)) return 'associative list with keys may not have non-map elements';
  if (Object.keys(keysOf(item, schema)).length > 0) return undefined;
  return `associative list with keys has an element that omits all key fields ${JSON.stringify(schema.listMapKeys ?? [])}`;
}

type Expected = 'map' | 'list' | 'string' | 'numeric' | 'boolean' | 'any scalar';

function expectedType(schema: Schema): Expected | undefined {
  if (schema.intOrString === true) return 'any scalar';
  switch (schema.type) {
    case 'object':
      return 'map';
    case 'array':
      return 'list';
    case 'integer':
    case 'number':
      return 'numeric';
    default:
      return schema.type;
  }
}

function fits(value: unknown, expected: Expected): boolean {
  switch (expected) {
    case 'map':
      return isRecord(value);
    case 'list':
      return Array.isArray(value);
    case 'numeric':
      return typeof value === 'number';
    case 'any scalar':
      return typeof value !== 'object';
    default:
      return typeof value === expected;
  }
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  return typeof value === 'object' ? 'map' : typeof value;
}
