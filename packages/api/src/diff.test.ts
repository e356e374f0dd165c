import { describe, expect, it } from 'vitest';
import { diffConfigs } from './diff.ts';
import type { MachineConfigSpec } from './machine-config-spec.ts';

const section = (rest: Record<string, unknown>): MachineConfigSpec => ({
  config: { ignition: { version: '3.2.0' }, ...rest },
});
const image = (baseOSExtensionsContainerImage: string): MachineConfigSpec => ({ baseOSExtensionsContainerImage });
const usbguard = { extensions: ['usbguard'] };
const files = (...entries: unknown[]) => section({ storage: { files: entries } });

function summary(actual: MachineConfigSpec | undefined, desired: MachineConfigSpec): string[] {
  return diffConfigs(actual, desired).map((step) => `${step.action} ${step.change} ${step.kind} ${step.name}`.trim());
}

describe('diffConfigs', () => {
  it.each<[string, MachineConfigSpec | undefined, MachineConfigSpec, string[]]>([
    ['nothing', {}, {}, []],
    ['a first image', undefined, { osImageURL: 'r/a@1' }, ['Reboot Add Image r/a@1']],
    ['another image', { osImageURL: 'r/a@1' }, { osImageURL: 'r/a@2' }, ['Reboot Change Image r/a@2']],
    ['no image any more', { osImageURL: 'r/a@1' }, {}, []],
    ['arguments', { kernelArguments: ['a'] }, { kernelArguments: ['b'] }, ['Reboot Change KernelArguments']],
    [
      'order of arguments',
      { kernelArguments: ['a', 'b'] },
      { kernelArguments: ['b', 'a'] },
      ['Reboot Change KernelArguments'],
    ],
    [
      'a base argument less',
      {},
      section({ kernelArguments: { shouldNotExist: ['quiet'] } }),
      ['Reboot Change KernelArguments'],
    ],
    [
      'a file with a built-in rule',
      {},
      files({ path: '/etc/crio/policies/a' }),
      ['Live Add File /etc/crio/policies/a'],
    ],
    [
      'a file with a built-in rule, on a new host',
      undefined,
      files({ path: '/etc/crio/policies/a' }),
      ['Reboot Add File /etc/crio/policies/a'],
    ],
    ['keys', {}, section({ passwd: { users: [{ name: 'core' }] } }), ['Live Add User core']],
    ['a file more', {}, files({ path: '/etc/a' }), ['Reboot Add File /etc/a']],
    ['a file less', files({ path: '/etc/a' }), {}, ['Reboot Remove File /etc/a']],
    ['a mode', files({ path: '/etc/a', mode: 1 }), files({ path: '/etc/a', mode: 2 }), ['Reboot Change File /etc/a']],
    ['the order of keys', files({ path: '/etc/a', mode: 1 }), files({ mode: 1, path: '/etc/a' }), []],
    ['a unit', {}, section({ systemd: { units: [{ name: 'a.service' }] } }), ['Reboot Add Unit a.service']],
    ['FIPS', { fips: true }, {}, ['Refuse Change Fips']],
    ['FIPS of a new host', undefined, { fips: true }, []],
    ['a kernel type', undefined, { kernelType: 'realtime' }, ['Refuse Change KernelType realtime']],
    ['the default kernel type', undefined, { kernelType: 'default' }, []],
    ['an extension', undefined, { extensions: ['usbguard', 'usbguard'] }, ['Refuse Add Extension usbguard']],
    ['an extension of an image', undefined, { ...image('r/e:1'), ...usbguard }, ['Reboot Add Extension usbguard']],
    ['the same extension', { ...image('r/e:1'), ...usbguard }, { ...image('r/e:1'), ...usbguard }, []],
    ['an extension less', { ...image('r/e:1'), ...usbguard }, image('r/e:1'), ['Reboot Remove Extension usbguard']],
    [
      'an extension of another image',
      { ...image('r/e:1'), ...usbguard },
      { ...image('r/e:2'), ...usbguard },
      ['Reboot Change ExtensionsImage r/e:2'],
    ],
    ['another image that nothing comes from', image('r/e:1'), image('r/e:2'), []],
    [
      'a kernel type of an image, and back',
      { ...image('r/e:1'), kernelType: 'realtime' },
      image('r/e:1'),
      ['Reboot Change KernelType default'],
    ],
  ])('%s', (_, actual, desired, expected) => expect(summary(actual, desired)).toEqual(expected));

  it('says which fields of a file change', () => {
    const [step] = diffConfigs(files({ path: '/etc/a', mode: 1 }), files({ path: '/etc/a', mode: 2, user: { id: 3 } }));
    expect(step?.reason).toBe('file /etc/a changes: mode, user');
  });

  it('says what is done instead of a boot', () => {
    const policy = {
      files: [{ path: '/etc/a', actions: [{ type: 'Restart' as const, restart: { serviceName: 'a.service' } }] }],
    };
    const [step] = diffConfigs({}, files({ path: '/etc/a/b' }), policy);
    expect(step).toMatchObject({ action: 'Live', reason: 'file /etc/a/b is added; restart a.service' });
  });

  it('says which arguments come and go', () => {
    const desired = { ...section({ kernelArguments: { shouldNotExist: ['quiet'] } }), kernelArguments: ['audit=0'] };
    expect(diffConfigs({}, desired)[0]?.reason).toBe('the kernel command line adds audit=0 and removes quiet');
    expect(diffConfigs(desired, {})[0]?.reason).toBe('the kernel command line adds quiet and removes audit=0');
  });
});
