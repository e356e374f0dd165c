import { expect, test } from 'vitest';
import { parseBootcStatus } from './status.ts';
import { requireSuitable } from './tool.ts';

const digest = `sha256:${'d'.repeat(64)}`;

/** As bootc 1.16 tells of it. */
const composefs = {
  verity: 'x',
  bootType: 'Bls',
  bootloader: 'grub-cc',
  bootDigest: null,
  missingVerityAllowed: false,
};

function entry(fields: object = {}) {
  const image = { image: 'quay.io/os/web@sha256:1', transport: 'registry', signature: 'insecure' };
  return {
    image: { image, version: '42.1', timestamp: '2026-01-02T03:04:05Z', imageDigest: digest, architecture: 'amd64' },
    cachedUpdate: null,
    incompatible: false,
    pinned: false,
    store: 'ostreeContainer',
    ostree: { stateroot: 'default', checksum: 'a'.repeat(64), deploySerial: 1 },
    ...fields,
  };
}

function status(fields: object = {}): string {
  return JSON.stringify({
    apiVersion: 'org.containers.bootc/v1',
    kind: 'BootcHost',
    metadata: { name: 'host' },
    spec: { image: null, bootOrder: 'default' },
    status: { staged: null, booted: entry(), rollback: null, rollbackQueued: false, type: 'bootcHost', ...fields },
  });
}

test('what bootc 1.1 prints is read, and what later versions add is filled in', () => {
  const { booted, otherDeployments } = parseBootcStatus(status()).status;
  expect(otherDeployments).toEqual([]);
  expect(booted).toMatchObject({ downloadOnly: false, ostree: { deploySerial: 1 }, image: { imageDigest: digest } });
});

test('what bootc 1.16 prints is read', () => {
  const added = { softRebootCapable: true, downloadOnly: true, composefs: null };
  const text = status({ staged: entry(added), otherDeployments: [entry(added)], usrOverlay: null, readOnly: true });
  expect(parseBootcStatus(text).status.staged?.downloadOnly).toBe(true);
});

test('a host that bootc does not know, and one that is about to become its own, are read', () => {
  expect(parseBootcStatus(status({ booted: null, type: null })).status.booted).toBeNull();
  const branch = entry({ image: null, store: null });
  const { booted, staged } = parseBootcStatus(status({ booted: branch, staged: entry(), type: null })).status;
  expect([booted?.image, staged?.image?.imageDigest]).toEqual([null, digest]);
});

test('an image that came from a file is read, and so is an unlocked /usr', () => {
  const image = { image: { image: '/var/mnt/update', transport: 'oci' }, version: null, timestamp: null };
  const booted = entry({ image: { ...image, imageDigest: digest, architecture: 'amd64' } });
  const usrOverlay = { accessMode: 'readWrite', persistence: 'transient' };
  expect(parseBootcStatus(status({ booted, usrOverlay })).status.booted?.image?.image.transport).toBe('oci');
});

test.each([
  ['insecure', 'insecure'],
  ['containerPolicy', 'containerPolicy'],
  [{ ostreeRemote: 'fedora' }, { ostreeRemote: 'fedora' }],
  [null, null],
  [undefined, undefined],
])('signature %j is read', (signature, expected) => {
  const image = { image: { image: 'x', transport: 'registry', signature }, imageDigest: digest };
  expect(parseBootcStatus(status({ booted: entry({ image }) })).status.booted?.image?.image.signature).toEqual(
    expected,
  );
});

test.each([
  ['no JSON', 'System is not deployed via bootc.'],
  ['another version', status().replace('bootc/v1', 'bootc/v2')],
  ['another kind', status().replace('BootcHost', 'Other')],
  ['a checksum that is none', status().replace('a'.repeat(64), '../../etc')],
  ['a digest that is none', status().replace(digest, 'sha256:x')],
  ['an unknown signature', status().replace('"insecure"', '"maybe"')],
])('%s is refused', (_, text) => {
  expect(() => parseBootcStatus(text)).toThrow(expect.objectContaining({ code: 'HOST_COMMAND_FAILED' }));
});

test.each([
  ['a system that bootc did not deploy', { booted: null }, 'not deployed'],
  ['a system with layered packages', { booted: entry({ incompatible: true }) }, 'rpm-ostree reset'],
  ['a system without OSTree', { booted: entry({ ostree: null, composefs }) }, 'composefs'],
])('%s is no host for the driver', (_, fields, said) => {
  expect(() => requireSuitable(parseBootcStatus(status(fields)))).toThrow(
    expect.objectContaining({ code: 'DRIVER_UNSUITABLE', message: expect.stringContaining(said) }),
  );
});
