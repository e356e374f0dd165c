import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseChallenges } from './challenge.ts';

function read(...headers: string[]): unknown {
  return parseChallenges(headers).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

test.each([
  ['Basic realm="a b"', [['basic', { realm: 'a b' }]]],
  ['Basic', [['basic', {}]]],
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
    [
      [
        'bearer',
        { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:a/b:pull,push' },
      ],
    ],
  ],
  ['Bearer realm=x , service = y', [['bearer', { realm: 'x', service: 'y' }]]],
  [
    'Negotiate, Basic realm="r", Bearer REALM="q\\"q"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'r' }],
      ['bearer', { realm: 'q"q' }],
    ],
  ],
  ['', []],
  ['"nonsense"', []],
])('reads %s', (header, expected) => {
  expect(read(header)).toEqual(expected);
});

test('reads several headers', () => {
  expect(read('Basic realm="a"', 'Bearer realm="b"')).toEqual([
    ['basic', { realm: 'a' }],
    ['bearer', { realm: 'b' }],
  ]);
});

test('ends for any text', () => {
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => Array.isArray(parseChallenges([text]))));
});
