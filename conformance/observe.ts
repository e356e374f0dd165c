// Makes answers comparable: what a server chooses freely (identities, versions, times, tokens) is replaced by a word.
import type { Answer } from './client.ts';

/** JSON values only. */
export type Seen = string | number | boolean | null | readonly Seen[] | { readonly [key: string]: Seen };

const chosenByServer: Readonly<Record<string, string>> = {
  uid: '<uid>',
  resourceVersion: '<version>',
  continue: '<token>',
};

/** RFC 3339 with whole seconds or fractions, UUIDs and digests of certificates, also within messages. */
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const certificateDigest = /X509SHA256=[0-9a-f]{64}/g;

/** What is compared. Answers become their code, media type, warnings and body. What was seen once stays as it is. */
export function seenOf(observation: unknown): Seen {
  return seen(observation);
}

function seen(value: unknown, key = ''): Seen {
  if (isAnswer(value)) return seenAnswer(value);
  if (Array.isArray(value)) return value.map((each: unknown) => seen(each));
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return Object.fromEntries(fields.map(([name, field]) => [name, seen(field, name)]));
  }
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  const text = String(value);
  const word = chosenByServer[key];
  if (word !== undefined && text !== '') return word;
  return text.replaceAll(time, '<time>').replaceAll(uuid, '<uid>').replaceAll(certificateDigest, '<certificate>');
}

function seenAnswer({ code, headers, text, body }: Answer): Seen {
  const { warning } = headers;
  return {
    code,
    type: headers['content-type'] ?? '',
    ...(warning === undefined ? {} : { warning: seen(warning) }),
    body: withoutZeros(seen(body ?? text)),
  };
}

/**
 * Without the fields that say nothing: clients decode into types in which an absent field is null, empty or 0, and
 * upstream's own types send some of them and leave out others. Not so where keys alone are the content: in fieldsV1.
 */
function withoutZeros(value: Seen): Seen {
  if (isList(value)) return value.map((each) => withoutZeros(each));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(
    ([key, each]) => [key, key === 'fieldsV1' ? each : withoutZeros(each)] as const,
  );
  return Object.fromEntries(fields.filter(([key, each]) => key === 'fieldsV1' || !isZero(each)));
}

function isZero(value: Seen): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === null || value === '' || value === 0;
}

function isList(value: Seen): value is readonly Seen[] {
  return Array.isArray(value);
}

export function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && 'code' in value && 'headers' in value && 'text' in value;
}

/** A few words for a cell of a table: codes and reasons of answers, the values of facts. */
export function summaryOf(value: Seen, length = 48): string {
  const text = summary(value);
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function summary(value: Seen): string {
  if (value === null || typeof value !== 'object') return String(value);
  if ('code' in value && 'type' in value && 'body' in value) {
    const { code, body } = value;
    const reason = typeof body === 'object' && body !== null && 'reason' in body ? body.reason : undefined;
    return typeof code === 'number' && code >= 400 && typeof reason === 'string' ? `${code} ${reason}` : String(code);
  }
  if (Array.isArray(value)) return `[${value.map((each) => summary(each)).join(', ')}]`;
  return Object.entries(value)
    .map(([key, each]) => `${key}: ${summary(each)}`)
    .join(', ');
}
