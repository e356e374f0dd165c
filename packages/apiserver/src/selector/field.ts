// Field selectors: `a.b=c`, `a.b==c`, `a.b!=c`, joined by commas; `\` escapes `,`, `=` and itself in values
// (apimachinery pkg/fields/selector.go). Only declared fields can be selected.
import { textAt, valueAt } from '@varve/api';
import type { ApiObject } from '../object.ts';
import { badRequest } from '../status.ts';

export interface FieldRequirement {
  readonly path: string;
  readonly equal: boolean;
  readonly value: string;
}

export type FieldSelector = readonly FieldRequirement[];

/**
 * Throws 400 for a syntax error or a field that is not in `selectable`. For kinds of Kubernetes' own that have no fields
 * but those of all kinds, upstream names these (apimachinery pkg/runtime/conversion.go).
 */
export function parseFieldSelector(text: string, selectable: readonly string[], custom = true): FieldSelector {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === '') continue;
    const match = /^([^=!]+)(!=|==|=)(.*)$/s.exec(term);
    const [, path, operator, value] = match ?? [];
    if (path === undefined || value === undefined) {
      throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    }
    if (!selectable.includes(path)) throw badRequest(notSelectable(path, selectable, custom));
    requirements.push({ path, equal: operator !== '!=', value: unescaped(value, text) });
  }
  return requirements;
}

function notSelectable(path: string, selectable: readonly string[], custom: boolean): string {
  if (custom || selectable.some((field) => !field.startsWith('metadata.'))) return `field label not supported: ${path}`;
  return `"${path}" is not a known field selector: only "metadata.name", "metadata.namespace"`;
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let term = '';
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? '';
    if (character === '\\') {
      term += character + (text[index + 1] ?? '');
      index++;
    } else if (character === ',') {
      terms.push(term);
      term = '';
    } else {
      term += character;
    }
  }
  terms.push(term);
  return terms;
}

function unescaped(value: string, text: string): string {
  if (/(^|[^\\])(\\\\)*(\\([^\\,=]|$)|=)/.test(value))
    throw badRequest(`invalid selector: '${text}'; bad value '${value}'`);
  return value.replaceAll(/\\([\\,=])/g, '$1');
}

export function matchesFields(selector: FieldSelector, object: ApiObject): boolean {
  return selector.every(({ path, equal, value }) => (fieldText(object, path) === value) === equal);
}

/** The name that the selector demands, if it does; such requests need no scan. */
export function requiredField(selector: FieldSelector, path: string): string | undefined {
  return selector.find((requirement) => requirement.path === path && requirement.equal)?.value;
}

function fieldText(object: ApiObject, path: string): string {
  // Event's `source` is its component (kubernetes/pkg/registry/core/event/strategy.go).
  if (path === 'source') return textAt(object, 'source', 'component') || textAt(object, 'reportingComponent');
  const value = valueAt(object, ...path.split('.'));
  if (value === undefined || value === null) return path === 'spec.unschedulable' ? 'false' : '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The name that a field selector's text demands, '' if none; for authorization, which comes before the parsing. */
export function requiredName(text: string): string {
  for (const term of splitTerms(text)) {
    const [, value] = /^metadata\.name==?([^=!\\]+)$/.exec(term) ?? [];
    if (value !== undefined) return value;
  }
  return '';
}
