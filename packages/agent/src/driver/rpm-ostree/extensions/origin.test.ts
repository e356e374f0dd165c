import { parseDigest } from '@varve/oci';
import { expect, test } from 'vitest';
import { extensionsIn, withExtensionsIn } from './origin.ts';

const [one, two] = ['1', '2'].map((letter) => parseDigest(`sha256:${letter.repeat(64)}`));
const origin = '[origin]\ncontainer-image-reference=x\n';
const packages = '[packages]\nrequested=a;\n';

test('what is written is read, and takes the place of what was there', () => {
  const first = withExtensionsIn(origin, one);
  expect(first).toBe(`${origin}\n[varve]\nextensions-image=${one}\n`);
  expect(extensionsIn(first)).toBe(one);
  expect(extensionsIn(withExtensionsIn(first, two))).toBe(two);
  expect(withExtensionsIn(first, undefined)).toBe(origin);
});

test('groups before and after stay', () => {
  const between = `${origin}\n[varve]\nextensions-image=${one}\n\n${packages}`;
  expect(extensionsIn(between)).toBe(one);
  expect(withExtensionsIn(between, two)).toBe(`${origin}\n${packages}\n[varve]\nextensions-image=${two}\n`);
});

test.each([undefined, '', origin, `${origin}extensions-image=${one}\n`, '[varve]\nextensions-image=x\n'])(
  '%j names none',
  (text) => {
    expect(extensionsIn(text)).toBeUndefined();
  },
);
