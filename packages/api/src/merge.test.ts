import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError } from './error.ts';
import { type MachineConfig, roleLabel } from './kinds/machine-config.ts';
import type { MachineConfigSpec } from './machine-config-spec.ts';
import { kernelArgumentChangeOf, mergeMachineConfigs, parseIgnition, renderMachineConfig } from './merge.ts';

const pool = { name: 'web', uid: 'uid-1' };

function config(name: string, spec: MachineConfigSpec, role = 'worker'): MachineConfig {
  return {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfig',
    metadata: { name, labels: { [roleLabel]: role } },
    spec,
  };
}

function withFile(name: string, path: string, source: string, role?: string): MachineConfig {
  const section = { ignition: { version: '3.2.0' }, storage: { files: [{ path, mode: 420, contents: { source } }] } };
  return config(name, { config: section }, role);
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ApiError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

describe('order', () => {
  it('puts worker configs first, then the others, each by name in byte order', () => {
    const configs = [config('z', {}, 'web'), config('é', {}), config('b', {}), config('B', {}), config('a', {}, 'web')];
    expect(mergeMachineConfigs(configs).source).toEqual(['B', 'b', 'é', 'a', 'z']);
  });

  it('lets a custom config beat a worker config of any name', () => {
    const merged = mergeMachineConfigs([
      withFile('99-worker', '/etc/motd', 'data:,worker'),
      withFile('00-web', '/etc/motd', 'data:,web', 'web'),
    ]);
    expect(parseIgnition(merged.spec.config)?.storage?.files).toMatchObject([{ contents: { source: 'data:,web' } }]);
  });

  it('does not depend on the order in which the configs arrive', () => {
    const configs = ['a', 'b', 'c', 'd'].map((name) =>
      withFile(name, `/etc/${name === 'd' ? 'a' : name}`, `data:,${name}`),
    );
    const expected = renderMachineConfig(pool, mergeMachineConfigs(configs), {});
    fc.assert(
      fc.property(fc.shuffledSubarray(configs, { minLength: 4 }), (shuffled) => {
        expect(renderMachineConfig(pool, mergeMachineConfigs(shuffled), {})).toEqual(expected);
      }),
    );
  });
});

describe('merge', () => {
  it('replaces a file whole, mode and owner included', () => {
    const first = config('a', {
      config: {
        ignition: { version: '3.2.0' },
        storage: {
          files: [{ path: '/etc/x', mode: 0o600, user: { name: 'nobody' }, contents: { source: 'data:,1' } }],
        },
      },
    });
    const second = config('b', {
      config: {
        ignition: { version: '3.4.0' },
        storage: { files: [{ path: '/etc/x', contents: { source: 'data:,2' } }] },
      },
    });
    expect(mergeMachineConfigs([first, second]).spec.config).toEqual({
      ignition: { version: '3.4.0' },
      storage: { files: [{ path: '/etc/x', contents: { source: 'data:,2' } }] },
    });
  });

  it('lets a link take the place of a file', () => {
    const link = config('b', {
      config: { ignition: { version: '3.2.0' }, storage: { links: [{ path: '/etc/x', target: 'y' }] } },
    });
    const storage = parseIgnition(mergeMachineConfigs([withFile('a', '/etc/x', 'data:,'), link]).spec.config)?.storage;
    expect(storage).toEqual({ links: [{ path: '/etc/x', target: 'y' }] });
  });

  it('keeps a unit whose drop-ins a later config extends, and replaces a drop-in of the same name', () => {
    const units = (name: string, unit: Record<string, unknown>) =>
      config(name, {
        config: { ignition: { version: '3.2.0' }, systemd: { units: [{ name: 'web.service', ...unit }] } },
      });
    const merged = mergeMachineConfigs([
      units('a', { contents: '[Service]', enabled: true, dropins: [{ name: '1.conf', contents: 'old' }] }),
      units('b', { dropins: [{ name: '2.conf' }, { name: '1.conf', contents: 'new' }] }),
    ]);
    expect(parseIgnition(merged.spec.config)?.systemd?.units).toEqual([
      {
        name: 'web.service',
        contents: '[Service]',
        enabled: true,
        dropins: [{ name: '1.conf', contents: 'new' }, { name: '2.conf' }],
      },
    ]);
  });

  it('joins lists with duplicates, splits arguments at spaces, ors fips, takes the last image and kernel type', () => {
    const merged = mergeMachineConfigs([
      config('a', {
        kernelArguments: ['x=1 y'],
        extensions: ['usbguard'],
        fips: true,
        osImageURL: 'r/a:1',
        kernelType: 'realtime',
      }),
      config('b', {
        kernelArguments: ['y'],
        extensions: ['usbguard'],
        fips: false,
        osImageURL: 'r/b:1',
        kernelType: 'default',
      }),
      config('c', { osImageURL: '' }),
    ]);
    expect(merged.spec).toEqual({
      kernelArguments: ['x=1', 'y', 'y'],
      extensions: ['usbguard', 'usbguard'],
      fips: true,
      osImageURL: 'r/b:1',
      kernelType: 'realtime',
    });
    expect(merged.osImageFrom).toBe('b');
  });

  it('joins the keys of core without duplicates and takes the last password', () => {
    const user = (name: string, rest: Record<string, unknown>) =>
      config(name, { config: { ignition: { version: '3.2.0' }, passwd: { users: [{ name: 'core', ...rest }] } } });
    const merged = mergeMachineConfigs([
      user('a', { sshAuthorizedKeys: ['k1', 'k2'], passwordHash: 'x' }),
      user('b', { sshAuthorizedKeys: ['k2', 'k3'], passwordHash: 'y' }),
    ]);
    expect(parseIgnition(merged.spec.config)?.passwd?.users).toEqual([
      { name: 'core', sshAuthorizedKeys: ['k1', 'k2', 'k3'], passwordHash: 'y' },
    ]);
  });
});

describe('conflicts', () => {
  it('names both configs of two kernel types', () => {
    const configs = [config('a', { kernelType: 'realtime' }), config('b', { kernelType: '64k-pages' })];
    expect(codeOf(() => mergeMachineConfigs(configs))).toMatch(
      /^KERNEL_TYPE_CONFLICT: .*\ba\b.*realtime.*\bb\b.*64k-pages/,
    );
  });

  it('names config and field of a violation', () => {
    const configs = [config('ok', {}), withFile('bad', '/etc/../x', 'data:,')];
    expect(codeOf(() => mergeMachineConfigs(configs))).toMatch(
      /^CONFIG_INVALID: MachineConfig bad: spec\.config\.storage\.files\[0\]\.path/,
    );
  });

  it('finds a file of one config that is a directory of another', () => {
    const configs = [withFile('one', '/etc/a', 'data:,'), withFile('two', '/etc/a/b', 'data:,')];
    expect(codeOf(() => mergeMachineConfigs(configs))).toMatch(
      /^CONFIG_INVALID: MachineConfig two: .*MachineConfig one/,
    );
  });

  it("unites Ignition's kernel arguments; of two that contradict each other the later one wins", () => {
    const withArguments = (name: string, kernelArguments: object) =>
      config(name, { config: { ignition: { version: '3.4.0' }, kernelArguments } });
    const merged = mergeMachineConfigs([
      withArguments('a', { shouldExist: ['a', 'b'], shouldNotExist: ['c', 'd'] }),
      withArguments('b', { shouldExist: ['c'], shouldNotExist: ['a', 'd', 'e'] }),
    ]);
    expect(kernelArgumentChangeOf(merged.spec)).toEqual({ add: ['b', 'c'], remove: ['d', 'a', 'e'] });
  });

  it('refuses a rendered config that etcd would refuse', () => {
    const half = 'x'.repeat(900_000);
    const merged = mergeMachineConfigs([
      withFile('a', '/etc/a', `data:,${half}`),
      withFile('b', '/etc/b', `data:,${half}`),
    ]);
    expect(codeOf(() => renderMachineConfig(pool, merged, {}))).toMatch(/^CONFIG_TOO_LARGE: .*pool web/);
  });
});

describe('the rendered config', () => {
  it('is named by its content and belongs to the pool', () => {
    const merged = mergeMachineConfigs([config('a', { osImageURL: 'r/a:1' })]);
    const one = renderMachineConfig(pool, merged, { osImageURL: 'r/a@sha256:1' });
    expect(one.metadata).toMatchObject({
      name: expect.stringMatching(/^rendered-web-[0-9a-f]{32}$/),
      annotations: { 'machineconfiguration.openshift.io/os-image-url-overridden': 'true' },
      ownerReferences: [{ kind: 'MachineConfigPool', name: 'web', uid: 'uid-1' }],
    });
    expect(one.spec).toEqual({ osImageURL: 'r/a@sha256:1' });
    expect(renderMachineConfig(pool, merged, { osImageURL: 'r/a@sha256:1' }).metadata.name).toBe(one.metadata.name);
    expect(renderMachineConfig(pool, merged, { osImageURL: 'r/a@sha256:2' }).metadata.name).not.toBe(one.metadata.name);
  });
});
