import { expect, test } from 'vitest';
import { fingerprintConfig } from './fingerprint.ts';
import { extensionsImageOf } from './layering.ts';
import type { MachineConfigSpec } from './machine-config-spec.ts';

const image = { baseOSExtensionsContainerImage: 'r/e:1' };

test.each<[MachineConfigSpec, string | undefined]>([
  [{ ...image, extensions: ['usbguard'] }, 'r/e:1'],
  [{ ...image, kernelType: 'realtime' }, 'r/e:1'],
  [{ ...image, kernelType: 'default', extensions: [] }, undefined],
  [{ ...image, kernelType: '' }, undefined],
  [{ extensions: ['usbguard'] }, undefined],
  [{ baseOSExtensionsContainerImage: '', extensions: ['usbguard'] }, undefined],
])('%j has packages from %s', (spec, expected) => {
  expect(extensionsImageOf(spec)).toBe(expected);
});

test('packages of another image take a boot, and an image that nothing comes from takes nothing', () => {
  const boot = (spec: MachineConfigSpec) => fingerprintConfig(spec).boot;
  const [one, two] = ['r/e:1', 'r/e:2'].map((reference) => ({ baseOSExtensionsContainerImage: reference }));
  expect(boot({ ...one, extensions: ['a'] })).not.toBe(boot({ ...two, extensions: ['a'] }));
  expect(boot({ ...one })).toBe(boot({ ...two }));
});
