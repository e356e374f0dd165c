import { expect, test } from 'vitest';
import { isAtLeast, parseToolVersion } from './tool-version.ts';

test.each([
  ['bootc 1.12.0\n', '1.12.0'],
  ['bootc 1.1.6-rc.1\n', '1.1.6'],
  ["rpm-ostree:\n Version: '2024.4'\n Git: 5fd1ba6c3a2fbcd0aaa4cd0c8f9aa39cd2da0d6a\n", '2024.4'],
  ['none', undefined],
])('the version in %j is %s', (text, version) => {
  expect(parseToolVersion(text)).toBe(version);
});

test.each([
  ['1.12.0', '1.12', true],
  ['1.9.1', '1.12', false],
  ['2.0', '1.12.5', true],
  ['2020.10', '2020.7', true],
  ['1', '1.0.0', true],
  ['1', '1.0.1', false],
])('%s is at least %s: %s', (version, wanted, expected) => {
  expect(isAtLeast(version, wanted)).toBe(expected);
});
