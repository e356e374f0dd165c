import type { MachineConfigNode } from '@varve/api';
import { describe, expect, test } from 'vitest';
import { acceptDesired, isSpecOf, type KeptDesired, keptDesiredSchema } from './desired.ts';

const image = `registry.test/os@sha256:${'a'.repeat(64)}`;

function node(generation: number, config: string, envelope?: string, uid = 'u'): MachineConfigNode {
  return {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfigNode',
    metadata: {
      ...{ name: 'host', uid, generation },
      ...(envelope ? { annotations: { 'varve.dev/signed-target': envelope } } : {}),
    },
    spec: {
      node: { name: 'host' },
      pool: { name: 'web' },
      configVersion: { desired: config },
      configImage: { desiredImage: image },
      update: { phase: 'Applied' },
    },
  };
}

const kept: KeptDesired = { uid: 'u', generation: 5, envelope: 'E', spec: { kernelArguments: ['quiet'] } };

describe('acceptDesired', () => {
  test.each([
    ['a node without a target', node(1, '', 'E'), undefined, 'unchanged'],
    ['a first target', node(1, 'one', 'E'), undefined, 'signed'],
    ['a target that nobody signed', node(6, 'one'), kept, 'unsigned'],
    ['what was accepted before', node(5, 'one', 'E'), kept, 'unchanged'],
    ['the same in a newer generation', node(6, 'one', 'E'), kept, 'signed'],
    ['another signature in the same generation', node(5, 'one', 'F'), kept, 'signed'],
    ['an older generation', node(4, 'zero', 'F'), kept, 'stale'],
    ['a lower generation of another object', node(1, 'two', 'F', 'other'), kept, 'signed'],
  ])('%s', (_name, object, before, kind) => {
    expect(acceptDesired(object, before).kind).toBe(kind);
  });
});

test('a spec is what was signed, or waits for its signature', () => {
  const statement = {
    ...{ host: 'host', pool: 'web', sequence: 1, config: 'one', configDigest: '', image },
    phase: 'Applied' as const,
  };
  expect(isSpecOf(node(1, 'one'), statement)).toBe(true);
  for (const change of [{ pool: 'other' }, { config: 'two' }, { image: undefined }, { phase: 'Staged' as const }]) {
    expect(isSpecOf(node(1, 'one'), { ...statement, ...change })).toBe(false);
  }
});

test('what is kept on disk reads back as it was, fields of newer versions included', () => {
  const spec = { config: { ignition: { version: '3.4.0' } }, kernelArguments: ['a'], later: true };
  expect(keptDesiredSchema.parse(JSON.parse(JSON.stringify({ ...kept, spec })))).toEqual({ ...kept, spec });
  expect(keptDesiredSchema.safeParse({ ...kept, spec: { kernelArguments: 'a' } }).success).toBe(false);
});
