import { expect, test } from 'vitest';
import { imageCommand, kernelCommands, presentLayering, wantedLayering } from './layering.ts';
import { referenceLike } from './reference.ts';
import { parseRpmOstreeStatus } from './status.ts';

const old = 'ostree-unverified-registry:quay.io/os/web@sha256:1';
const next = 'ostree-unverified-registry:quay.io/os/web@sha256:2';

function host(packages: string[] = [], removals: string[] = []) {
  const deployment = {
    id: 'x',
    osname: 'os',
    checksum: 'a'.repeat(64),
    serial: 0,
    booted: true,
    'container-image-reference': old,
    'requested-packages': packages,
    'requested-base-removals': removals,
  };
  const [parsed] = parseRpmOstreeStatus(JSON.stringify({ deployments: [deployment] })).deployments;
  if (!parsed) throw new Error('no deployment');
  return parsed;
}

test.each([
  [{}, [], 'default'],
  [{ extensions: ['usbguard', 'ipsec'] }, ['NetworkManager-libreswan', 'libreswan', 'usbguard'], 'default'],
  [
    { extensions: ['ipsec', 'libreswan'], kernelType: 'realtime' as const },
    ['NetworkManager-libreswan', 'libreswan'],
    'realtime',
  ],
  [{ kernelType: '' as const }, [], 'default'],
  [{ extensions: ['constructor'] }, ['constructor'], 'default'],
])('%j asks for %j and kernel %s', (spec, packages, kernelType) => {
  expect(wantedLayering(spec)).toEqual({ packages, kernelType });
});

test.each(['--repo=x', '/tmp/a.rpm', 'https://a/b.rpm', 'a b', ''])('%j is no package', (name) => {
  expect(() => wantedLayering({ extensions: ['usbguard', name] })).toThrow(
    expect.objectContaining({ code: 'CONFIG_UNSUPPORTED', message: expect.stringContaining('spec.extensions[1]') }),
  );
});

test("a kernel's packages are no extensions", () => {
  expect(presentLayering(host(['usbguard', 'kernel-rt-core', 'kernel-rt-modules']))).toEqual({
    packages: ['usbguard'],
    kernelType: 'realtime',
  });
});

test.each([
  [next, [], [], ['rebase', '--lock-finalization', next]],
  [next, ['git'], ['usbguard'], ['rebase', '--lock-finalization', '--install=usbguard', '--uninstall=git', next]],
  [next, ['usbguard'], ['usbguard'], ['rebase', '--lock-finalization', next]],
  [old, ['git'], ['usbguard'], ['install', '--lock-finalization', '--assumeyes', '--uninstall=git', 'usbguard']],
  [old, ['git'], [], ['uninstall', '--lock-finalization', '--assumeyes', 'git']],
  [old, ['git'], ['git'], undefined],
])('to %s from %j with %j: %j', (reference, has, packages, command) => {
  expect(imageCommand(host(has), reference, { packages, kernelType: 'default' })).toEqual(command);
});

const kernel = ['kernel', 'kernel-core', 'kernel-modules', 'kernel-tools'];
const realtime = ['kernel-rt-core', 'kernel-rt-modules'];
const removed = ['kernel', 'kernel-core', 'kernel-modules'];
const toRealtime = [
  ...['override', 'remove', '--lock-finalization', ...removed],
  ...['--install=kernel-rt-core', '--install=kernel-rt-modules'],
];
const fromRealtime = [
  ...['override', 'reset', '--lock-finalization'],
  ...['--uninstall=kernel-rt-core', '--uninstall=kernel-rt-modules', ...removed],
];

test.each([
  ['default', 'default', host(), []],
  ['default', 'realtime', host(), [toRealtime]],
  ['realtime', 'realtime', host(realtime, removed), []],
  ['realtime', 'default', host(realtime, removed), [fromRealtime]],
] as const)('from kernel %s to %s', (_, wanted, present, commands) => {
  expect(kernelCommands(present, wanted, kernel)).toEqual(commands);
});

test('from one other kernel to another goes by way of the own one', () => {
  const commands = kernelCommands(host(realtime, removed), '64k-pages', realtime);
  expect(commands[0]).toEqual(fromRealtime);
  expect(commands[1]).toEqual([
    ...['override', 'remove', '--lock-finalization', ...removed],
    ...['--install=kernel-64k-core', '--install=kernel-64k-modules'],
  ]);
});

test.each([
  [undefined, 'ostree-unverified-registry:q.io/a@sha256:1'],
  [old, 'ostree-unverified-registry:q.io/a@sha256:1'],
  ['ostree-image-signed:docker://q.io/a:1', 'ostree-image-signed:docker://q.io/a@sha256:1'],
  ['ostree-image-signed:registry:q.io/a:1', 'ostree-image-signed:docker://q.io/a@sha256:1'],
  ['ostree-remote-registry:fedora:q.io/a:1', 'ostree-remote-registry:fedora:q.io/a@sha256:1'],
  ['ostree-remote-image:fedora:docker://q.io/a:1', 'ostree-remote-registry:fedora:q.io/a@sha256:1'],
])('a host of %s goes on with %s', (present, expected) => {
  expect(referenceLike(present, 'q.io/a@sha256:1', false)).toBe(expected);
});

test.each([
  [undefined, 'ostree-image-signed:docker://q.io/a@sha256:1'],
  [old, 'ostree-image-signed:docker://q.io/a@sha256:1'],
  ['ostree-remote-registry:fedora:q.io/a:1', 'ostree-remote-registry:fedora:q.io/a@sha256:1'],
])('a host of %s that has a signature policy takes %s', (present, expected) => {
  expect(referenceLike(present, 'q.io/a@sha256:1', true)).toBe(expected);
});
