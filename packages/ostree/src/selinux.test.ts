import { expect, test } from 'vitest';
import { configuredPolicy } from './selinux.ts';

test.each([
  ['SELINUX=enforcing\nSELINUXTYPE=targeted\n', 'targeted'],
  ['# SELINUX=disabled\n SELINUX=permissive\nSELINUXTYPE=default', 'default'],
  ['SELINUX=disabled\nSELINUXTYPE=default\n', undefined],
  ['SELINUX=Disabled\nSELINUXTYPE=default\n', undefined],
  ['SELINUX=enforcing\n', undefined],
  ['SELINUXTYPE=../../x\n', undefined],
  ['', undefined],
  [undefined, undefined],
])('%j puts %s into force', (text, policy) => {
  expect(configuredPolicy(text)).toBe(policy);
});
