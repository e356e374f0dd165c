import type { MachineConfigSpec } from '@varve/api';
import { describe, expect, test } from 'vitest';
import { planContent } from './plan.ts';

const ignition = { version: '3.4.0' };
const contents = { source: 'data:,x' };

function spec(config: object): MachineConfigSpec {
  return { config: { ignition, ...config } };
}

describe('planContent', () => {
  test('an empty config puts nothing anywhere', () => {
    expect(planContent({})).toEqual({ directories: [], files: [], links: [], units: [], kernelArguments: [] });
  });

  test('defaults are those of Ignition', () => {
    const plan = planContent(
      spec({ storage: { files: [{ path: '/etc/a', contents }], directories: [{ path: '/etc/d' }] } }),
    );
    expect(plan.files[0]).toMatchObject({ path: '/etc/a', mode: 0o644, user: 0, group: 0 });
    expect(plan.directories[0]).toMatchObject({ mode: 0o755 });
  });

  test('parents come before children', () => {
    const directories = ['/etc/d/e/f', '/etc/d', '/etc/d/e'].map((path) => ({ path }));
    expect(planContent(spec({ storage: { directories } })).directories.map(({ path }) => path)).toEqual([
      '/etc/d',
      '/etc/d/e',
      '/etc/d/e/f',
    ]);
  });

  test('units become files, drop-ins and states; a masked unit has no file', () => {
    const units = [
      { name: 'a.service', contents: '[Service]', enabled: true, dropins: [{ name: 'x.conf', contents: 'y' }] },
      { name: 'b.service', contents: '[Service]', mask: true },
      { name: 'c.service', enabled: false },
      { name: 'd.service', contents: '[Service]' },
    ];
    const plan = planContent(spec({ systemd: { units } }));
    expect(plan.files.map(({ path }) => path)).toEqual([
      '/etc/systemd/system/a.service',
      '/etc/systemd/system/a.service.d/x.conf',
      '/etc/systemd/system/d.service',
    ]);
    expect(plan.units).toEqual([
      { name: 'a.service', state: 'enabled' },
      { name: 'b.service', state: 'masked' },
      { name: 'c.service', state: 'disabled' },
    ]);
  });

  test('kernel arguments are taken apart', () => {
    expect(planContent({ kernelArguments: ['a=b c', 'quiet'] }).kernelArguments).toEqual(['a=b', 'c', 'quiet']);
  });

  test.each([
    [
      'CONFIG_UNSUPPORTED',
      'spec.config.storage.files[0].path',
      spec({ storage: { files: [{ path: '/var/x', contents }] } }),
    ],
    [
      'CONFIG_UNSUPPORTED',
      'spec.config.storage.files[0].path',
      spec({ storage: { files: [{ path: '/usr/local/x', contents }] } }),
    ],
    [
      'CONFIG_UNSUPPORTED',
      'spec.config.storage.files[0].overwrite',
      spec({ storage: { files: [{ path: '/etc/x', overwrite: false }] } }),
    ],
    [
      'CONFIG_UNSUPPORTED',
      'spec.config.passwd.users',
      spec({ passwd: { users: [{ name: 'core', sshAuthorizedKeys: ['k'] }] } }),
    ],
    ['CONFIG_UNSUPPORTED', 'spec.kernelType', { kernelType: 'realtime' as const }],
    ['CONFIG_UNSUPPORTED', 'spec.extensions', { extensions: ['usbguard'] }],
    ['CONFIG_UNSUPPORTED', 'spec.fips', { fips: true }],
    [
      'CONFIG_INVALID',
      'spec.config.storage.files[0].path',
      spec({ storage: { files: [{ path: '/etc/../root', contents }] } }),
    ],
    [
      'CONFIG_INVALID',
      'spec.config.storage.files[0].path',
      spec({ storage: { files: [{ path: '/etc/varve/applied.json', contents }] } }),
    ],
    ['CONFIG_INVALID', 'spec.kernelArguments[0]', { kernelArguments: ['ostree=/evil'] }],
    [
      'CONFIG_INVALID',
      'spec.config',
      spec({
        storage: { files: [{ path: '/etc/systemd/system/a.service', contents }] },
        systemd: { units: [{ name: 'a.service', contents: 'x' }] },
      }),
    ],
    [
      'CONFIG_INVALID',
      'spec.config',
      spec({
        storage: { files: [{ path: '/etc/systemd/system/a.service.d', contents }] },
        systemd: { units: [{ name: 'a.service', dropins: [{ name: 'x.conf', contents: 'y' }] }] },
      }),
    ],
  ])('%s at %s', (code, field, refused) => {
    expect(() => planContent(refused)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(`${field}:`) }),
    );
  });
});
