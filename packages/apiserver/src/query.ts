// Query parameters of writes and lists, checked as upstream checks its options objects
// (apimachinery pkg/apis/meta/v1/validation, pkg/apis/meta/internalversion/validation).
import { badRequest, invalidOptions, type StatusCause } from './status.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  /** Who manages the fields that the write sets. */
  readonly manager: string;
}

const maxManagerBytes = 128;

export function parseWriteOptions(
  query: URLSearchParams,
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions',
  userAgent: string,
): WriteOptions {
  const fieldManager = query.get('fieldManager') ?? '';
  const problem = managerProblem(fieldManager);
  if (problem !== undefined) throw invalidOptions(kind, problem);
  return {
    dryRun: parseDryRun(query.getAll('dryRun'), kind),
    fieldValidation: parseFieldValidation(query, kind),
    manager: fieldManager === '' ? managerOf(userAgent) : fieldManager,
  };
}

function managerProblem(manager: string): StatusCause | undefined {
  const field = 'fieldManager';
  if (Buffer.byteLength(manager) > maxManagerBytes) {
    return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${maxManagerBytes} bytes` };
  }
  const found = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(manager);
  if (found === null) return undefined;
  const point = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  const why = `invalid character U+${point} (at position ${Buffer.byteLength(manager.slice(0, found.index))})`;
  return { reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(manager)}: ${why}` };
}

/** A writer that does not say its name goes by the first word of its user agent (apiserver handlers/create.go). */
function managerOf(userAgent: string): string {
  const printable = (userAgent.split('/')[0] ?? '').replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '');
  let name = '';
  for (const character of printable) {
    if (Buffer.byteLength(name + character) > maxManagerBytes) break;
    name += character;
  }
  return name === '' ? 'unknown' : name;
}

export function parseDryRun(values: readonly string[], kind: string): boolean {
  for (const value of values) {
    if (value !== 'All' && value !== '') throw invalidOptions(kind, notSupported('dryRun', values, ['All']));
  }
  return values.includes('All');
}

function parseFieldValidation(query: URLSearchParams, kind: string): FieldValidation {
  const value = query.get('fieldValidation') ?? '';
  if (value === '') return 'Warn';
  if (value === 'Strict' || value === 'Warn' || value === 'Ignore') return value;
  throw invalidOptions(kind, notSupported('fieldValidation', value, ['', 'Ignore', 'Strict', 'Warn']));
}

export function notSupported(
  field: string,
  value: string | readonly string[],
  supported: readonly string[],
): StatusCause {
  const list = supported.map((item) => JSON.stringify(item)).join(', ');
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${list}`;
  return { reason: 'FieldValueNotSupported', field, message };
}

export interface RevisionQuery {
  /** undefined: not given. */
  readonly revision: number | undefined;
  readonly match: '' | 'Exact' | 'NotOlderThan';
}

export function parseRevision(query: URLSearchParams, watch: boolean): RevisionQuery {
  const text = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const revision = text === '' ? undefined : parseResourceVersion(text);
  if (match !== '' && match !== 'Exact' && match !== 'NotOlderThan') {
    throw listInvalid(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
  }
  if (!watch && match !== '' && revision === undefined) {
    throw listInvalid(
      forbiddenOption('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
    );
  }
  if (match === 'Exact' && revision === 0) {
    throw listInvalid(
      forbiddenOption('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
    );
  }
  return { revision, match };
}

export function forbiddenOption(field: string, why: string): StatusCause {
  return { reason: 'FieldValueForbidden', field, message: `Forbidden: ${why}` };
}

export function listInvalid(...causes: readonly StatusCause[]) {
  return invalidOptions('ListOptions', ...causes);
}

/** Throws 400 for anything but a decimal number. */
export function parseResourceVersion(text: string): number {
  const revision = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (revision === undefined)
    throw badRequest(`Invalid value: ${JSON.stringify(text)}: resourceVersion must be a decimal number`);
  return revision;
}

export function parseCount(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw badRequest(`${name} must be a number that is not negative, not ${JSON.stringify(text)}`);
  return Number(text);
}
