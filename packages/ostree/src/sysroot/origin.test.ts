import { expect, test } from 'vitest';
import { formatOrigin, parseOrigin } from './origin.ts';

test('what is written is read back', () => {
  expect(parseOrigin(formatOrigin('quay.io/a/b:c'))).toEqual({ imageReference: 'quay.io/a/b:c', pinned: false });
});

test.each([
  ['ostree-unverified-registry:quay.io/a/b:c'],
  ['ostree-unverified-image:docker://quay.io/a/b:c'],
  ['ostree-unverified-image:registry:quay.io/a/b:c'],
  ['ostree-image-signed:docker://quay.io/a/b:c'],
  ['ostree-remote-registry:fedora:quay.io/a/b:c'],
  ['ostree-remote-image:fedora:docker://quay.io/a/b:c'],
])('the image of %s is known', (reference) => {
  expect(parseOrigin(`[origin]\ncontainer-image-reference=${reference}\n`).imageReference).toBe('quay.io/a/b:c');
});

test('pinning is where ostree writes it', () => {
  const text = '[origin]\nrefspec=os/stable\n\n[libostree-transient]\npinned=true\n';
  expect(parseOrigin(text)).toEqual({ imageReference: undefined, pinned: true });
  expect(parseOrigin('[other]\npinned=true\n').pinned).toBe(false);
});
