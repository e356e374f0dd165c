import { expect, it } from 'vitest';
import { isNewEnough } from './find.ts';

it.each([
  ['v1.20.2', false],
  ['v1.28.15', false],
  ['v1.29.0', true],
  ['v1.32.3+dfsg', true],
  ['v2.0.0', true],
  ['v0.40.0', false],
  ['', false],
])('kubectl %j is new enough: %j', (version, expected) => {
  expect(isNewEnough(version)).toBe(expected);
});
