import { expect, test } from 'vitest';
import { digestHex, digestOf, isDigest, parseDigest } from './digest.ts';

const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('digestOf gives the well-known digest of nothing', () => {
  expect(digestOf(new Uint8Array())).toBe(`sha256:${empty}`);
  expect(digestHex(digestOf(new Uint8Array()))).toBe(empty);
});

test.each([
  ['upper case', `sha256:${empty.toUpperCase()}`],
  ['too short', `sha256:${empty.slice(1)}`],
  ['too long', `sha256:${empty}0`],
  ['another algorithm', `sha512:${empty}${empty}`],
  ['no algorithm', empty],
  ['a line break behind', `sha256:${empty}\n`],
  ['a path', `sha256:../../${empty.slice(6)}`],
  ['nothing', ''],
])('refuses %s', (_what, text) => {
  expect(isDigest(text)).toBe(false);
  expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: 'DIGEST_MALFORMED' }));
});
