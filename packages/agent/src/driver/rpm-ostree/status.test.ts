import { expect, test } from 'vitest';
import { parseRpmOstreeStatus } from './status.ts';
import { requireSuitable } from './tool.ts';

const digest = `sha256:${'d'.repeat(64)}`;

function deployment(fields: object = {}) {
  return {
    id: `fedora-coreos-${'a'.repeat(64)}.0`,
    osname: 'fedora-coreos',
    checksum: 'a'.repeat(64),
    serial: 0,
    booted: true,
    staged: false,
    pinned: false,
    unlocked: 'none',
    version: '42.20260102.3.0',
    timestamp: 1_767_323_045,
    'container-image-reference': 'ostree-unverified-registry:quay.io/os/web@sha256:1',
    'container-image-reference-digest': digest,
    'requested-packages': [],
    'base-remote-replacements': {},
    ...fields,
  };
}

function status(...deployments: object[]): string {
  return JSON.stringify({ deployments, transaction: null, 'cached-update': null, 'update-driver': null });
}

test('a deployment of an image is read, and what the version does not print is filled in', () => {
  expect(parseRpmOstreeStatus(status(deployment())).deployments).toMatchObject([
    { osname: 'fedora-coreos', booted: true, 'finalization-locked': false, 'requested-base-removals': [] },
  ]);
});

test('a host that follows a branch is read', () => {
  const branch = deployment({ origin: 'fedora:fedora/x86_64/coreos/stable', 'container-image-reference': undefined });
  expect(parseRpmOstreeStatus(status(branch)).deployments[0]).not.toHaveProperty('container-image-reference');
});

test('what rpm-ostree 2026.2 prints of a host with everything is read', () => {
  const layered = deployment({
    'base-checksum': 'b'.repeat(64),
    'base-version': '42.20260102.3.0',
    'base-timestamp': 1_767_323_045,
    'base-commit-meta': { 'ostree.manifest-digest': digest },
    'layered-commit-meta': { 'rpmostree.clientlayer': true },
    ...{ packages: ['usbguard'], 'requested-packages': ['usbguard'], modules: [], 'requested-modules-enabled': [] },
    ...{ 'base-removals': [[['kernel', 0, '6', '1', 'x86_64']]], 'requested-base-removals': ['kernel'] },
    ...{ 'base-local-replacements': [], 'custom-origin': ['quay.io/os/web', 'by hand'], cliwrap: true },
    ...{ 'live-replaced': 'c'.repeat(64), unlocked: 'transient', 'regenerate-initramfs': false, 'initramfs-args': [] },
  });
  const text = JSON.stringify({
    deployments: [{ ...layered, booted: false, staged: true, 'finalization-locked': true }, layered],
    transaction: ['rebase', ':1.55', '/'],
    'cached-update': { osname: 'fedora-coreos', checksum: 'd'.repeat(64), 'ref-has-new-commit': true },
    'update-driver': { 'driver-name': 'Zincati', 'driver-sd-unit': 'zincati.service' },
  });
  const parsed = parseRpmOstreeStatus(text);
  expect(requireSuitable(parsed)['requested-packages']).toEqual(['usbguard']);
  expect(parsed.deployments[0]).toMatchObject({ staged: true, 'finalization-locked': true });
  expect(parsed['update-driver']?.['driver-sd-unit']).toBe('zincati.service');
});

test.each([
  ['no JSON', 'error: org.freedesktop.DBus'],
  ['no deployments', status()],
  ['a checksum that is none', status(deployment({ checksum: '../..' }))],
  ['a serial that is none', status(deployment({ serial: '0' }))],
])('%s is refused', (_, text) => {
  expect(() => parseRpmOstreeStatus(text)).toThrow(expect.objectContaining({ code: 'HOST_COMMAND_FAILED' }));
});

test.each([
  ['nothing booted', { booted: false }, 'did not boot'],
  ['a package from a file', { 'requested-local-packages': ['own-1-1.x86_64'] }, 'own-1-1.x86_64'],
  ['a replaced package', { 'requested-base-local-replacements': ['rpm-ostree-2026.1-2.x86_64'] }, 'rpm-ostree-2026.1'],
  ['a package taken away', { 'requested-base-removals': ['kernel', 'toolbox'] }, '(toolbox)'],
  ['packages of another repository', { 'base-remote-replacements': { 'repo=copr': [] } }, 'repo=copr'],
  ['an override that waits', { 'requested-base-remote-replacements': [['repo=copr', ['podman']]] }, 'repo=copr'],
  ['an initramfs of its own', { 'regenerate-initramfs': true }, 'initramfs'],
  ['files in the initramfs', { 'initramfs-etc': ['/etc/lvm/lvm.conf'] }, 'untrack'],
])('a host with %s is none for the driver', (_, fields, said) => {
  expect(() => requireSuitable(parseRpmOstreeStatus(status(deployment(fields))))).toThrow(
    expect.objectContaining({ code: 'DRIVER_UNSUITABLE', message: expect.stringContaining(said) }),
  );
});
