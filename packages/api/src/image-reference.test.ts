import { expect, it } from 'vitest';
import { isImageReference } from './image-reference.ts';

const digest = `sha256:${'0'.repeat(64)}`;

it.each([
  'debian',
  'debian:12',
  'quay.io/fedora/fedora-coreos:stable',
  `localhost:5000/os/web@${digest}`,
  `localhost:5000/os/web:tag@${digest}`,
  `[::1]:5000/x@${digest}`,
])('accepts %s', (text) => expect(isImageReference(text)).toBe(true));

it.each([
  '',
  '/x',
  'x/',
  'x:',
  'x@',
  'a b',
  'docker://x',
  '../x',
  'x//y',
  `x@${digest}0`,
  'x\n',
  `${'a/'.repeat(3000)}a`,
])('refuses %j', (text) => expect(isImageReference(text)).toBe(false));
