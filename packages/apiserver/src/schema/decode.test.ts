import { expect, test } from 'vitest';
import { decodeProblem } from './decode.ts';
import type { Schema } from './structural.ts';

const schema: Schema = {
  type: 'object',
  properties: {
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    count: { type: 'integer' },
    names: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } },
    at: { type: 'string', format: 'date-time' },
    exactly: { type: 'string', format: 'date-time', microTime: true },
    bytes: { type: 'string', format: 'byte' },
    either: { intOrString: true },
  },
};
const cannot = (found: string, path: string, type: string) =>
  `json: cannot unmarshal ${found} into Go struct field Kind.${path} of type ${type}`;

test.each<[object, string | undefined]>([
  [{ labels: { a: 'b' }, count: 1, names: [{ name: 'a' }], either: 'x', more: {} }, undefined],
  [{ labels: null, count: null, names: [null, { name: null }], at: null }, undefined],
  [{ labels: { a: 1 } }, cannot('number', 'labels', 'string')],
  [{ labels: 'a' }, cannot('string', 'labels', 'struct')],
  [{ count: true }, cannot('bool', 'count', 'int32')],
  [{ count: 1.5 }, cannot('number', 'count', 'int32')],
  [{ names: [{ name: 'a' }, { name: [] }] }, cannot('array', 'names.name', 'string')],
  [{ names: {} }, cannot('object', 'names', 'array')],
  [{ bytes: 'YQ==' }, undefined],
  [{ bytes: 'YQ\n==' }, undefined],
  [{ bytes: '%' }, 'illegal base64 data at input byte 0'],
  [{ bytes: 'YWFh!' }, 'illegal base64 data at input byte 4'],
  [{ bytes: 'YWF' }, 'illegal base64 data at input byte 3'],
  [{ at: '2026-01-01T00:00:00Z' }, undefined],
  [{ at: '2026-01-01T00:00:00.5+01:00' }, undefined],
  [{ at: 'now' }, 'parsing time "now" as "2006-01-02T15:04:05Z07:00": it has another form'],
  [{ exactly: '2026-01-01T00:00:00.000001Z' }, undefined],
  [
    { exactly: '2026-01-01T00:00:00Z' },
    'parsing time "2026-01-01T00:00:00Z" as "2006-01-02T15:04:05.000000Z07:00": it has another form',
  ],
])('%j', (value, problem) => {
  expect(decodeProblem(value, schema, 'Kind')).toBe(problem);
});
