import { expect, test } from 'vitest';
import { differencesOf } from './compare.ts';

test.each([
  { name: 'the same', a: { x: [1, { y: 'z' }] }, b: { x: [1, { y: 'z' }] }, paths: [] },
  { name: 'another order of keys', a: { x: 1, y: 2 }, b: { y: 2, x: 1 }, paths: [] },
  { name: 'another order of a list', a: { x: [1, 2] }, b: { x: [2, 1] }, paths: ['x[0]', 'x[1]'] },
  { name: 'a value deep inside', a: { x: [{ y: 1 }] }, b: { x: [{ y: 2 }] }, paths: ['x[0].y'] },
  { name: 'a key only here', a: { x: 1, y: null }, b: { x: 1 }, paths: ['y'] },
  { name: 'a key only there', a: { x: 1 }, b: { x: 1, y: null }, paths: ['y'] },
  { name: 'a longer list', a: { x: [1] }, b: { x: [1, 2] }, paths: ['x'] },
  { name: 'another type', a: { x: '1' }, b: { x: 1 }, paths: ['x'] },
  { name: 'a list for an object', a: [], b: {}, paths: [''] },
])('$name', ({ a, b, paths }) => {
  expect(differencesOf(a, b).map(({ path }) => path)).toEqual(paths);
});
