import { expect, test } from 'vitest';
import { parseOsRelease } from './os-release.ts';

test('parseOsRelease undoes quotes and escapes', () => {
  const text = 'ID=debian\nPRETTY_NAME="Debian \\"12\\""\n# comment\nVARIANT=\'a b\'\nbad line\nEMPTY=\n';
  expect(Object.fromEntries(parseOsRelease(text))).toEqual({
    ID: 'debian',
    PRETTY_NAME: 'Debian "12"',
    VARIANT: 'a b',
    EMPTY: '',
  });
});
