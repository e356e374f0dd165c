import { fingerprintConfig, type MachineConfigSpec } from '@varve/api';
import { describe, expect, test } from 'vitest';
import type { ManagedEntry } from '../content/entry.ts';
import { planContent } from '../content/plan.ts';
import { type LiveTarget, liveActions } from './live-actions.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const image = `registry.test/os@${digest}`;
const ignition = { version: '3.4.0' };
const file = (path: string, text = 'x') => ({ path, contents: { source: `data:,${text}` } });
const withFiles = (...files: ReturnType<typeof file>[]): MachineConfigSpec => ({
  config: { ignition, storage: { files } },
});

const reload = { type: 'Reload' as const, reload: { serviceName: 'app.service' } };
const disruption = { files: [{ path: '/etc/app', actions: [reload] }] };

/** A host that has the spec. */
function hostWith(spec: MachineConfigSpec) {
  const plan = planContent(spec);
  const owner = { uid: 0, gid: 0 };
  const entries: ManagedEntry[] = [
    ...plan.files.map(({ path, mode }) => ({ kind: 'file' as const, path, mode, ...owner, sha256: '', size: 0 })),
    ...plan.directories.map(({ path, mode }) => ({ kind: 'directory' as const, path, mode, ...owner })),
  ];
  const deployment = { name: 'one', checksum: 'one', image, imageDigest: digest, kernelArguments: [], root: '/one' };
  const applied = {
    version: 1 as const,
    deployment: 'one',
    config: 'one',
    image,
    kernelArguments: [],
    entries,
    units: [],
  };
  return {
    booted: { ...deployment, complete: true, applied: { ...applied, fingerprint: fingerprintConfig(spec) } },
  };
}

describe('liveActions', () => {
  const before = withFiles(file('/etc/app/a'));
  test.each<[string, LiveTarget, string[] | undefined]>([
    ['a change with a rule', { spec: withFiles(file('/etc/app/a', 'y')), disruption }, ['Reload']],
    ['the same under another name', { spec: before }, []],
    ['the same image', { spec: { ...before, osImageURL: 'registry.test/os:tag' }, image }, []],
    ['another image', { spec: before, image: image.replaceAll('a', 'b') }, undefined],
    ['a change without a rule', { spec: withFiles(file('/etc/app/a', 'y')) }, undefined],
    ['kernel arguments', { spec: { ...before, kernelArguments: ['quiet'] }, disruption }, undefined],
    ['a file in the place of a directory above one', { spec: withFiles(file('/etc/app/a/b')), disruption }, undefined],
    [
      'a directory in the place of a file',
      { spec: { config: { ignition, storage: { directories: [{ path: '/etc/app/a' }] } } }, disruption },
      undefined,
    ],
  ])('%s', (_, target, expected) => {
    expect(liveActions(hostWith(before), target)?.map(({ kind }) => kind)).toEqual(expected);
  });

  test('a host whose config is not known needs a boot', () => {
    const { booted } = hostWith(before);
    const { fingerprint: _, ...applied } = booted.applied;
    expect(liveActions({ booted: { ...booted, applied } }, { spec: before })).toBeUndefined();
    expect(liveActions({ booted: { ...booted, applied: undefined } }, { spec: before })).toBeUndefined();
  });
});
