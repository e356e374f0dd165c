// Label selectors, in both of their forms: the LabelSelector object of specs and the text of `kubectl -l` and of list
// requests (Kubernetes documentation, "Labels and Selectors"; grammar: apimachinery pkg/labels/selector.go).
import type { LabelSelector } from '@varve/api';
import { KubeError } from './error.ts';

export type Labels = Readonly<Record<string, string>>;

interface Requirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  readonly values: readonly string[];
}

const maxSelectorLength = 64 * 1024;

/**
 * True when `labels` fulfil every requirement. Like OpenShift's pools, an absent or empty LabelSelector matches nothing;
 * an empty text, like `kubectl -l ''`, matches everything. SELECTOR_INVALID for text that does not parse.
 */
export function matchesSelector(labels: Labels | undefined, selector: LabelSelector | string | undefined): boolean {
  if (typeof selector === 'string') return matchesRequirements(labels, parseSelector(selector));
  const requirements = selector === undefined ? [] : requirementsOf(selector);
  return requirements.length > 0 && matchesRequirements(labels, requirements);
}

function matchesRequirements(labels: Labels | undefined, requirements: readonly Requirement[]): boolean {
  return requirements.every((requirement) => fulfils(labels, requirement));
}

function requirementsOf(selector: LabelSelector): Requirement[] {
  const requirements: Requirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push({ key, operator: 'In', values: [value] });
  }
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    requirements.push({ key, operator, values: values ?? [] });
  }
  return requirements;
}

function fulfils(labels: Labels | undefined, { key, operator, values }: Requirement): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const [left, right] = [integer(value), integer(values[0])];
      if (left === undefined || right === undefined) return false;
      return operator === 'Gt' ? left > right : left < right;
    }
  }
}

function integer(text: string | undefined): bigint | undefined {
  return text !== undefined && /^-?[0-9]{1,19}$/.test(text) ? BigInt(text) : undefined;
}

/** The requirements in a selector's text, such as `a=b,c!=d,e in (x,y),f notin (z),g,!h,i>5`. */
export function parseSelector(text: string): Requirement[] {
  if (text.length > maxSelectorLength) throw new KubeError('SELECTOR_INVALID', 'The label selector is too long.');
  const requirements: Requirement[] = [];
  if (text.trim() === '') return requirements;
  for (const part of splitRequirements(text)) requirements.push(parseRequirement(part, text));
  return requirements;
}

/** Splits at commas outside parentheses. */
function splitRequirements(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '(') depth += 1;
    else if (text[at] === ')') depth -= 1;
    else if (text[at] === ',' && depth === 0) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

const setForm = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/;
const comparisonForm = /^([^\s=!<>()]+)\s*(==|=|!=|>|<)\s*([^\s=!<>()]*)$/;
const existenceForm = /^(!?)\s*([^\s=!<>()]+)$/;

function parseRequirement(part: string, text: string): Requirement {
  const trimmed = part.trim();
  const set = setForm.exec(trimmed);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return checked({ key, operator: operator === 'in' ? 'In' : 'NotIn', values }, text);
  }
  const comparison = comparisonForm.exec(trimmed);
  if (comparison !== null) {
    const [, key = '', operator = '=', value = ''] = comparison;
    return checked({ key, operator: comparisons[operator] ?? 'In', values: [value] }, text);
  }
  const existence = existenceForm.exec(trimmed);
  if (existence !== null) {
    const [, not, key = ''] = existence;
    return checked({ key, operator: not === '!' ? 'DoesNotExist' : 'Exists', values: [] }, text);
  }
  throw invalid(text, `"${trimmed}" is not a requirement`);
}

const comparisons: Readonly<Record<string, Requirement['operator']>> = {
  '=': 'In',
  '==': 'In',
  '!=': 'NotIn',
  '>': 'Gt',
  '<': 'Lt',
};

// apimachinery pkg/util/validation: IsQualifiedName and IsValidLabelValue.
const keyPattern = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const valuePattern = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

function checked(requirement: Requirement, text: string): Requirement {
  const { key, operator, values } = requirement;
  if (!keyPattern.test(key)) throw invalid(text, `"${key}" is not a label's key`);
  for (const value of values) {
    if ((operator === 'Gt' || operator === 'Lt') && integer(value) === undefined) {
      throw invalid(text, `"${value}" is not an integer`);
    }
    if (operator !== 'Gt' && operator !== 'Lt' && !valuePattern.test(value)) {
      throw invalid(text, `"${value}" is not a label's value`);
    }
  }
  return requirement;
}

function invalid(text: string, problem: string): KubeError {
  return new KubeError('SELECTOR_INVALID', `Label selector "${text.slice(0, 200)}": ${problem}.`);
}
