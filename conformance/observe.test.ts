import { valueAt } from '@varve/api';
import { expect, test } from 'vitest';
import { seenOf, summaryOf } from './observe.ts';

function answer(code: number, body: unknown) {
  return { code, headers: { 'content-type': 'application/json' }, text: JSON.stringify(body), body };
}

test('what a server chooses becomes a word', () => {
  const metadata = {
    uid: 'a',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
    name: 'n',
    continue: 'x',
  };
  expect(seenOf(answer(200, { metadata }))).toEqual({
    code: 200,
    type: 'application/json',
    body: {
      metadata: {
        uid: '<uid>',
        resourceVersion: '<version>',
        creationTimestamp: '<time>',
        name: 'n',
        continue: '<token>',
      },
    },
  });
});

test('what is empty or absent stays so', () => {
  expect(seenOf({ resourceVersion: '', gone: undefined, none: null })).toEqual({ resourceVersion: '', none: null });
});

test('fields that say nothing are left out of bodies, but for the keys of managed fields', () => {
  const fieldsV1 = { 'f:data': { '.': {} } };
  const body = { a: null, b: '', c: 0, d: [], e: { f: { g: {} } }, h: false, list: [null, ''], fieldsV1 };
  expect(seenOf(answer(200, body))).toMatchObject({ body: { h: false, list: [null, ''], fieldsV1 } });
  expect(Object.keys(Object(valueAt(seenOf(answer(200, body)), 'body')))).toEqual(['h', 'list', 'fieldsV1']);
});

test('times and identities within messages too', () => {
  const message = 'UID 0a0a0a0a-0000-4000-8000-000000000000 at 2026-01-01T00:00:00.123Z, 3 of 4';
  expect(seenOf({ message })).toEqual({ message: 'UID <uid> at <time>, 3 of 4' });
});

test('text that is no JSON is kept', () => {
  const plain = { code: 404, headers: {}, text: '404 page not found\n', body: undefined };
  expect(seenOf(plain)).toEqual({ code: 404, type: '', body: '404 page not found\n' });
});

test.each([
  [answer(201, { kind: 'ConfigMap' }), '201'],
  [answer(409, { kind: 'Status', reason: 'Conflict' }), '409 Conflict'],
  [answer(404, 'not found'), '404'],
  [{ first: answer(200, {}), same: true }, 'first: 200, same: true'],
  [{ names: ['a', 'b'] }, 'names: [a, b]'],
])('in a few words: %#', (observation, summary) => {
  expect(summaryOf(seenOf(observation))).toBe(summary);
});

test('long ones are cut', () => {
  expect(summaryOf('x'.repeat(90), 10)).toBe(`${'x'.repeat(9)}…`);
});
