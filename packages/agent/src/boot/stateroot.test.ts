import { expect, test } from 'vitest';
import { parseStateroot, staterootOf } from './stateroot.ts';

test.each([
  [`quiet ostree=/ostree/boot.1/fedora-coreos/${'a'.repeat(64)}/0 rw`, 'fedora-coreos'],
  ['ostree=/ostree/boot.0/default/x/0', 'default'],
  ['root=LABEL=root composefs=abc', undefined],
  ['ostree=/somewhere/else', undefined],
])('%j booted from %s', (text, stateroot) => {
  expect(parseStateroot(text)).toBe(stateroot);
});

test('what is said counts, and a sysroot in a directory has the usual name', async () => {
  expect(await staterootOf('/', 'mine')).toBe('mine');
  expect(await staterootOf('/srv/host', undefined)).toBe('varve');
});
