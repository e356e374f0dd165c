import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MachineConfigSpec } from './machine-config-spec.ts';
import type { FieldError } from './resource.ts';
import { maxConfigBytes, validateMachineConfig } from './validate.ts';

function problems(spec: MachineConfigSpec): FieldError[] {
  return validateMachineConfig({ metadata: { name: 'test' }, spec }, undefined);
}

function ignition(rest: Record<string, unknown>): MachineConfigSpec {
  return { config: { ignition: { version: '3.4.0' }, ...rest } };
}

const file = (path: string, rest: Record<string, unknown> = {}) => ({ path, ...rest });
const files = (...entries: unknown[]) => ignition({ storage: { files: entries } });
const units = (...entries: unknown[]) => ignition({ systemd: { units: entries } });

describe('a sound MachineConfig', () => {
  it.each<[string, MachineConfigSpec]>([
    ['nothing', {}],
    ['an empty Ignition section', { config: {} }],
    ['an image by digest', { osImageURL: `registry.example:5000/os/web@sha256:${'a'.repeat(64)}` }],
    ['an image by tag', { osImageURL: 'quay.io/fedora/fedora-coreos:stable' }],
    ['kernel arguments', { kernelArguments: ['quiet', 'isolcpus=managed_irq,1-3', 'memmap=1G!4G', 'a=b c=d'] }],
    ['a file', files(file('/etc/motd', { mode: 420, contents: { source: 'data:,hello%0A' } }))],
    [
      'nulls, as Go writes them',
      ignition({ storage: null, systemd: { units: [{ name: 'a.service', contents: null }] } }),
    ],
    [
      'empty sections that hosts cannot follow',
      ignition({ storage: { disks: [], filesystems: [] }, passwd: { groups: [] } }),
    ],
    ['unknown sections', ignition({ proxy: { httpProxy: 'http://proxy' } })],
    ['a file below /usr/local', files(file('/usr/local/bin/tool'))],
    ['a health check', files(file('/etc/varve/health.d/web'))],
    ['a drain hook', files(file('/etc/varve/drain.d/web'))],
    ['an instance of a template', units({ name: 'getty@tty1.service', mask: true })],
    ['keys of core', ignition({ passwd: { users: [{ name: 'core', sshAuthorizedKeys: ['ssh-ed25519 AAAA x'] }] } })],
    [
      'a symbolic link',
      ignition({ storage: { links: [{ path: '/etc/localtime', target: '../usr/share/zoneinfo/UTC' }] } }),
    ],
  ])('%s', (_, spec) => expect(problems(spec)).toEqual([]));
});

describe('a broken MachineConfig', () => {
  it.each<[string, MachineConfigSpec, string, RegExp]>([
    ['no version', { config: { storage: {} } }, 'spec.config.ignition.version', /must be one of/],
    ['version 2', { config: { ignition: { version: '2.2.0' } } }, 'spec.config.ignition.version', /ign-converter/],
    ['version 4', { config: { ignition: { version: '4.0.0' } } }, 'spec.config.ignition.version', /not supported/],
    ['wrong type', files({ path: 7 }), 'spec.config.storage.files[0].path', /string/],
    ['octal mode as text', files(file('/etc/a', { mode: '0644' })), 'spec.config.storage.files[0].mode', /number/],
    ['mode out of range', files(file('/etc/a', { mode: 4096 })), 'spec.config.storage.files[0].mode', /4095/],
    ['..', files(file('/etc/../usr/bin/sh')), 'spec.config.storage.files[0].path', /"\.\."/],
    ['relative', files(file('etc/a')), 'spec.config.storage.files[0].path', /absolute/],
    ['double slash', files(file('/etc//a')), 'spec.config.storage.files[0].path', /normalised/],
    ['trailing slash', files(file('/etc/a/')), 'spec.config.storage.files[0].path', /normalised/],
    ['NUL', files(file('/etc/a\0b')), 'spec.config.storage.files[0].path', /control/],
    ['root', files(file('/')), 'spec.config.storage.files[0].path', /root/],
    ['/usr', files(file('/usr/bin/sh')), 'spec.config.storage.files[0].path', /Containerfile/],
    ['the agent', files(file('/etc/varve/applied.json')), 'spec.config.storage.files[0].path', /agent/],
    ['twice', files(file('/etc/a'), file('/etc/a')), 'spec.config.storage.files[1].path', /already given/],
    ['file as directory', files(file('/etc/a'), file('/etc/a/b')), 'spec.config.storage.files[1].path', /lies below/],
    [
      'append',
      files(file('/etc/a', { append: [{ source: 'data:,x' }] })),
      'spec.config.storage.files[0].append',
      /running host/,
    ],
    [
      'bad escape',
      files(file('/etc/a', { contents: { source: 'data:,%zz' } })),
      'spec.config.storage.files[0].contents',
      /percent/,
    ],
    [
      'bad base64',
      files(file('/etc/a', { contents: { source: 'data:;base64,a' } })),
      'spec.config.storage.files[0].contents',
      /base64/,
    ],
    [
      'bad gzip',
      files(file('/etc/a', { contents: { source: 'data:,x', compression: 'gzip' } })),
      'spec.config.storage.files[0].contents',
      /gzip/,
    ],
    [
      'a gzip bomb',
      files(
        file('/etc/a', {
          contents: {
            source: `data:;base64,${gzipSync(Buffer.alloc(65 * 1024 * 1024)).toString('base64')}`,
            compression: 'gzip',
          },
        }),
      ),
      'spec.config.storage.files[0].contents',
      /gzip of at most/,
    ],
    [
      'remote without hash',
      files(file('/etc/a', { contents: { source: 'https://x/y' } })),
      'spec.config.storage.files[0].contents',
      /verification.hash/,
    ],
    [
      'ftp',
      files(file('/etc/a', { contents: { source: 'ftp://x/y' } })),
      'spec.config.storage.files[0].contents',
      /neither/,
    ],
    [
      'wrong hash',
      files(file('/etc/a', { contents: { source: 'data:,x', verification: { hash: `sha256-${'0'.repeat(64)}` } } })),
      'spec.config.storage.files[0].contents',
      /have hash sha256-2d71/,
    ],
    [
      'two owners',
      files(file('/etc/a', { user: { id: 1, name: 'x' } })),
      'spec.config.storage.files[0].user',
      /give one/,
    ],
    ['disks', ignition({ storage: { disks: [{ device: '/dev/sda' }] } }), 'spec.config.storage.disks', /reinstall/],
    [
      'merge',
      ignition({ ignition: { version: '3.4.0', config: { merge: [{ source: 'x' }] } } }),
      'spec.config.ignition.config.merge',
      /own/,
    ],
    ['groups', ignition({ passwd: { groups: [{ name: 'x' }] } }), 'spec.config.passwd.groups', /Containerfile/],
    ['other user', ignition({ passwd: { users: [{ name: 'root' }] } }), 'spec.config.passwd.users[0].name', /core/],
    [
      'shell',
      ignition({ passwd: { users: [{ name: 'core', shell: '/bin/sh' }] } }),
      'spec.config.passwd.users[0].shell',
      /running host/,
    ],
    [
      'key of two lines',
      ignition({ passwd: { users: [{ name: 'core', sshAuthorizedKeys: ['a\nb'] }] } }),
      'spec.config.passwd.users[0].sshAuthorizedKeys[0]',
      /one line/,
    ],
    ['unit without type', units({ name: 'web' }), 'spec.config.systemd.units[0].name', /unit name/],
    ['unit with slash', units({ name: '../web.service' }), 'spec.config.systemd.units[0].name', /unit name/],
    ['unit twice', units({ name: 'a.service' }, { name: 'a.service' }), 'spec.config.systemd.units[1].name', /already/],
    [
      'masked and enabled',
      units({ name: 'a.service', mask: true, enabled: true }),
      'spec.config.systemd.units[0].enabled',
      /masked/,
    ],
    [
      'drop-in without .conf',
      units({ name: 'a.service', dropins: [{ name: 'x' }] }),
      'spec.config.systemd.units[0].dropins[0].name',
      /\.conf/,
    ],
    [
      'hard link',
      ignition({ storage: { links: [{ path: '/etc/a', target: '/etc/b', hard: true }] } }),
      'spec.config.storage.links[0].hard',
      /symbolic/,
    ],
    [
      'link to nowhere',
      ignition({ storage: { links: [{ path: '/etc/a' }] } }),
      'spec.config.storage.links[0].target',
      /points to/,
    ],
    ['newline in argument', { kernelArguments: ['ok', 'a\nlinux /evil'] }, 'spec.kernelArguments[1]', /printable/],
    ['variable in argument', { kernelArguments: ['a=$root'] }, 'spec.kernelArguments[0]', /\$/],
    ['ostree=', { kernelArguments: ['ostree=/x'] }, 'spec.kernelArguments[0]', /OSTree/],
    ['empty argument', { kernelArguments: [' '] }, 'spec.kernelArguments[0]', /empty/],
    ['no reference', { osImageURL: 'https://registry/x' }, 'spec.osImageURL', /no image reference/],
    ['upper case', { osImageURL: 'registry/Upper:tag' }, 'spec.osImageURL', /no image reference/],
    ['short digest', { osImageURL: 'registry/x@sha256:abc' }, 'spec.osImageURL', /no image reference/],
    [
      'too large',
      files(file('/etc/a', { contents: { source: `data:,${'x'.repeat(maxConfigBytes)}` } })),
      'spec',
      /at most/,
    ],
  ])('%s', (_, spec, field, message) => {
    expect(problems(spec)).toContainEqual(expect.objectContaining({ field, message: expect.stringMatching(message) }));
  });

  it('never throws, whatever the section holds', () => {
    const section = fc
      .jsonValue()
      .filter((value) => typeof value === 'object' && value !== null && !Array.isArray(value));
    fc.assert(
      fc.property(section, fc.jsonValue(), fc.jsonValue(), (config, storage, systemd) => {
        for (const part of [config, { ignition: { version: '3.2.0' }, storage, systemd }]) {
          for (const error of problems(JSON.parse(JSON.stringify({ config: part }))))
            expect(error.field).toMatch(/^spec/);
        }
      }),
    );
  });
});

describe('a rendered config', () => {
  const metadata = {
    name: 'rendered-web-1',
    ownerReferences: [
      { apiVersion: 'machineconfiguration.openshift.io/v1', kind: 'MachineConfigPool', name: 'web', uid: '1' },
    ],
  };

  it('never changes', () => {
    const old = { metadata, spec: { kernelArguments: ['quiet'] } };
    expect(validateMachineConfig({ metadata: {}, spec: {} }, old)).toMatchObject([
      { field: 'spec', reason: 'FieldValueForbidden' },
    ]);
    expect(validateMachineConfig({ metadata: { ...metadata, labels: { a: 'b' } }, spec: old.spec }, old)).toEqual([]);
  });

  it('never changes when it has lost its owner either', () => {
    const orphan = { name: `rendered-web-${'0'.repeat(32)}` };
    const old = { metadata: orphan, spec: { kernelArguments: ['quiet'] } };
    expect(validateMachineConfig({ metadata: orphan, spec: {} }, old)).toMatchObject([{ field: 'spec' }]);
    const own = { metadata: { name: 'rendered-web' }, spec: old.spec };
    expect(validateMachineConfig({ metadata: own.metadata, spec: {} }, own)).toEqual([]);
  });
});
