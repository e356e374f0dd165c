import { kernelCommandLine, type MachineConfigSpec } from '@varve/api';
import { describe, expect, test } from 'vitest';
import { isShared, planContent } from './plan.ts';

const ignition = { version: '3.4.0' };
const contents = { source: 'data:,x' };

function spec(config: object): MachineConfigSpec {
  return { config: { ignition, ...config } };
}

describe('planContent', () => {
  test('an empty config puts nothing anywhere', () => {
    expect(planContent({})).toEqual({
      directories: [],
      files: [],
      links: [],
      units: [],
      user: undefined,
      kernelArguments: { add: [], remove: [] },
    });
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
    expect(planContent({ kernelArguments: ['a=b c', 'quiet'] }).kernelArguments.add).toEqual(['a=b', 'c', 'quiet']);
  });

  test("kernel arguments of the base image can be removed, and Ignition's own section is read", () => {
    const kernelArguments = { shouldExist: ['quiet', 'a=1'], shouldNotExist: ['rhgb'] };
    const plan = planContent({ ...spec({ kernelArguments }), kernelArguments: ['quiet', 'rhgb'] });
    expect(plan.kernelArguments).toEqual({ add: ['quiet', 'a=1'], remove: ['rhgb'] });
    expect(kernelCommandLine(['root=x', 'rhgb', 'rw'], plan.kernelArguments)).toEqual(['root=x', 'rw', 'quiet', 'a=1']);
  });

  test('files in the trees that all deployments share', () => {
    const paths = ['/var/lib/a', '/usr/local/bin/b', '/opt/c'];
    const { files } = planContent(spec({ storage: { files: paths.map((path) => ({ path, contents })) } }));
    expect(files.map(({ path }) => path)).toEqual(paths);
    expect(paths.every(isShared)).toBe(true);
    expect(isShared('/etc/a')).toBe(false);
  });

  test("core's keys and password", () => {
    const user = { name: 'core', sshAuthorizedKeys: ['ssh-ed25519 A a', 'ssh-ed25519 B b'], passwordHash: '$6$x' };
    expect(planContent(spec({ passwd: { users: [user] } })).user).toEqual({
      name: 'core',
      authorizedKeys: 'ssh-ed25519 A a\nssh-ed25519 B b\n',
      passwordHash: '$6$x',
    });
  });

  test('another kernel and extensions only where the host can', () => {
    const wanted = { kernelType: 'realtime' as const, extensions: ['usbguard'] };
    expect(planContent(wanted, { extensions: true }).files).toEqual([]);
  });

  test.each([
    [
      'CONFIG_UNSUPPORTED',
      'spec.config.storage.files[0].path',
      spec({ storage: { files: [{ path: '/home/x', contents }] } }),
    ],
    [
      'CONFIG_INVALID',
      'spec.config.storage.directories[0].path',
      spec({ storage: { directories: [{ path: '/usr/bin/x' }] } }),
    ],
    [
      'CONFIG_INVALID',
      'spec.config.storage.files[0].contents',
      spec({ storage: { files: [{ path: '/etc/x', contents: { source: 'https://x.test/y' } }] } }),
    ],
    [
      'CONFIG_UNSUPPORTED',
      'spec.config.storage.files[0].overwrite',
      spec({ storage: { files: [{ path: '/etc/x', overwrite: false }] } }),
    ],
    [
      'CONFIG_INVALID',
      'spec.config.passwd.users[0].name',
      spec({ passwd: { users: [{ name: 'root', sshAuthorizedKeys: ['k'] }] } }),
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
