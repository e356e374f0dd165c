import { expect, test } from 'vitest';
import { withoutTransient } from './staged.ts';

test('pinning a deployment does not pin what is made from its origin', () => {
  const origin = '[origin]\ncontainer-image-reference=x\n';
  expect(withoutTransient(`${origin}\n[libostree-transient]\npinned=true\n`)).toBe(origin);
  const packages = '[packages]\nrequested=a;b;\n';
  expect(withoutTransient(`[libostree-transient]\npinned=true\n\n${origin}\n${packages}`)).toBe(
    `${origin}\n${packages}`,
  );
  expect(withoutTransient(origin)).toBe(origin);
});
