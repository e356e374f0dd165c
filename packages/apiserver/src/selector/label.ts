// Label selectors: `a=b`, `a==b`, `a!=b`, `a in (x,y)`, `a notin (x)`, `a`, `!a`, `a>5`, `a<5`, joined by commas
// (apimachinery pkg/labels/selector.go).
import { isLabelValue, labelValueRule, qualifiedNameProblem } from '../schema/metadata.ts';
import { badRequest } from '../status.ts';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | 'exists' | 'absent' | 'greater' | 'less';
  readonly values: readonly string[];
}

export type LabelSelector = readonly LabelRequirement[];

const token = /\s*(==|!=|=|<|>|,|\(|\)|!|[^\s=!<>,()]+)/y;

/** Throws 400 when the text is not a selector. */
export function parseLabelSelector(text: string): LabelSelector {
  const tokens = tokenize(text);
  const requirements: LabelRequirement[] = [];
  let position = 0;
  while (position < tokens.length) {
    const { requirement, next } = parseRequirement(tokens, position);
    requirements.push(requirement);
    position = next;
    if (position === tokens.length) break;
    if (tokens[position] !== ',') throw unexpected(tokens[position], "',' or 'end of string'");
    if (position + 1 === tokens.length) throw unexpected(undefined, "identifier after ','");
    position++;
  }
  return requirements;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const scanner = new RegExp(token);
  const trimmed = text.trimEnd();
  while (scanner.lastIndex < trimmed.length) {
    const match = scanner.exec(trimmed);
    if (match?.[1] === undefined) throw unparsable(`${JSON.stringify(text)} has characters that are in no label`);
    tokens.push(match[1]);
  }
  return tokens;
}

function parseRequirement(tokens: readonly string[], start: number) {
  const first = tokens[start] ?? '';
  if (first !== '!' && /^[=<>(),!]/.test(first)) throw unexpected(first, "!, identifier, or 'end of string'");
  if (first === '!') {
    const key = checkKey(tokens[start + 1] ?? '');
    return { requirement: { key, operator: 'absent', values: [] } satisfies LabelRequirement, next: start + 2 };
  }
  const key = checkKey(first);
  const operator = tokens[start + 1];
  switch (operator) {
    case undefined:
    case ',':
      return { requirement: { key, operator: 'exists', values: [] } satisfies LabelRequirement, next: start + 1 };
    case 'in':
    case 'notin': {
      const { values, next } = parseValues(tokens, start + 2);
      return { requirement: { key, operator, values } satisfies LabelRequirement, next };
    }
    case '=':
    case '==':
    case '!=': {
      const { value, next } = parseValue(tokens, start + 2);
      const kind = operator === '!=' ? 'notin' : 'in';
      return { requirement: { key, operator: kind, values: [value] } satisfies LabelRequirement, next };
    }
    case '<':
    case '>': {
      const { value, next } = parseValue(tokens, start + 2);
      if (!/^-?\d+$/.test(value)) throw unparsable(noInteger(value));
      const kind = operator === '>' ? 'greater' : 'less';
      return { requirement: { key, operator: kind, values: [value] } satisfies LabelRequirement, next };
    }
    default:
      throw unparsable(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
  }
}

/** A value may be empty: `a=` and `a=,b`. */
function parseValue(tokens: readonly string[], position: number) {
  const value = tokens[position];
  if (value === undefined || value === ',') return { value: '', next: position };
  return { value: checkValue(value), next: position + 1 };
}

function parseValues(tokens: readonly string[], start: number) {
  const end = tokens.indexOf(')', start);
  if (tokens[start] !== '(') throw unparsable(`found '${tokens[start] ?? ''}' expected: '('`);
  if (end < 0) throw unparsable(`found '', expected: ',' or ')'`);
  const values: string[] = [];
  let value = '';
  for (const part of tokens.slice(start + 1, end)) {
    if (part === ',') {
      values.push(value);
      value = '';
    } else if (value === '') {
      value = checkValue(part);
    } else {
      throw unparsable(`found '${part}', expected: ',' or ')'`);
    }
  }
  values.push(value);
  return { values, next: end + 1 };
}

function checkKey(key: string): string {
  const problem = qualifiedNameProblem(key);
  if (problem !== undefined) throw unparsable(`<nil>: Invalid value: ${JSON.stringify(key)}: ${problem}`);
  return key;
}

function checkValue(value: string): string {
  if (!isLabelValue(value)) throw unparsable(`values[0]: Invalid value: ${JSON.stringify(value)}: ${labelValueRule}`);
  return value;
}

function noInteger(value: string): string {
  return `values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`;
}

function unparsable(why: string) {
  return badRequest(`unable to parse requirement: ${why}`);
}

/** Between requirements upstream's parser says no more than this. */
function unexpected(found: string | undefined, expected: string) {
  return badRequest(`found '${found ?? ''}', expected: ${expected}`);
}

export function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every((requirement) => matches(requirement, labels));
}

function matches({ key, operator, values }: LabelRequirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'exists':
      return value !== undefined;
    case 'absent':
      return value === undefined;
    case 'in':
      return value !== undefined && values.includes(value);
    case 'notin':
      return value === undefined || !values.includes(value);
    default:
      return value !== undefined && compares(operator, value, values[0] ?? '');
  }
}

function compares(operator: 'greater' | 'less', value: string, bound: string): boolean {
  if (!/^-?\d+$/.test(value)) return false;
  return operator === 'greater' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
}
