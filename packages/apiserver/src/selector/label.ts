// Label selectors: `a=b`, `a==b`, `a!=b`, `a in (x,y)`, `a notin (x)`, `a`, `!a`, `a>5`, `a<5`, joined by commas
// (apimachinery pkg/labels/selector.go).
import { isLabelValue, qualifiedNameProblem } from '../schema/metadata.ts';
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
    const { requirement, next } = parseRequirement(tokens, position, text);
    requirements.push(requirement);
    position = next;
    if (position === tokens.length) break;
    if (tokens[position] !== ',' || position + 1 === tokens.length) throw unparsable(text, tokens[position]);
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
    if (match?.[1] === undefined) throw unparsable(text, trimmed);
    tokens.push(match[1]);
  }
  return tokens;
}

function parseRequirement(tokens: readonly string[], start: number, text: string) {
  const first = tokens[start] ?? '';
  if (first === '!') {
    const key = checkKey(tokens[start + 1] ?? '', text);
    return { requirement: { key, operator: 'absent', values: [] } satisfies LabelRequirement, next: start + 2 };
  }
  const key = checkKey(first, text);
  const operator = tokens[start + 1];
  switch (operator) {
    case undefined:
    case ',':
      return { requirement: { key, operator: 'exists', values: [] } satisfies LabelRequirement, next: start + 1 };
    case 'in':
    case 'notin': {
      const { values, next } = parseValues(tokens, start + 2, text);
      return { requirement: { key, operator, values } satisfies LabelRequirement, next };
    }
    case '=':
    case '==':
    case '!=': {
      const { value, next } = parseValue(tokens, start + 2, text);
      const kind = operator === '!=' ? 'notin' : 'in';
      return { requirement: { key, operator: kind, values: [value] } satisfies LabelRequirement, next };
    }
    case '<':
    case '>': {
      const { value, next } = parseValue(tokens, start + 2, text);
      if (!/^-?\d+$/.test(value)) throw unparsable(text, value);
      const kind = operator === '>' ? 'greater' : 'less';
      return { requirement: { key, operator: kind, values: [value] } satisfies LabelRequirement, next };
    }
    default:
      throw unparsable(text, operator);
  }
}

/** A value may be empty: `a=` and `a=,b`. */
function parseValue(tokens: readonly string[], position: number, text: string) {
  const value = tokens[position];
  if (value === undefined || value === ',') return { value: '', next: position };
  return { value: checkValue(value, text), next: position + 1 };
}

function parseValues(tokens: readonly string[], start: number, text: string) {
  const end = tokens.indexOf(')', start);
  if (tokens[start] !== '(' || end < 0) throw unparsable(text, tokens[start]);
  const values: string[] = [];
  let value = '';
  for (const part of tokens.slice(start + 1, end)) {
    if (part === ',') {
      values.push(value);
      value = '';
    } else if (value === '') {
      value = checkValue(part, text);
    } else {
      throw unparsable(text, part);
    }
  }
  values.push(value);
  return { values, next: end + 1 };
}

function checkKey(key: string, text: string): string {
  if (qualifiedNameProblem(key) !== undefined) throw unparsable(text, key);
  return key;
}

function checkValue(value: string, text: string): string {
  if (!isLabelValue(value)) throw unparsable(text, value);
  return value;
}

function unparsable(text: string, found: string | undefined) {
  const where = found === undefined ? 'found end of text' : `found ${JSON.stringify(found)}`;
  return badRequest(`unable to parse requirement: ${where} in ${JSON.stringify(text)}`);
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
