import { expect, test } from 'vitest';
import { countInstalledPackages } from './packages.ts';

test('counts installed packages only', () => {
  const status = `Package: a
Status: install ok installed

Package: b
Status: hold ok installed

Package: c
Status: deinstall ok config-files

Package: d
Description: not a status line
 Status: install ok installed
`;
  expect(countInstalledPackages(status)).toBe(2);
});
