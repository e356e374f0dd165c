import type { MachineConfigNode } from '@varve/api';
import { describe, expect, test } from 'vitest';
import { acceptDesired, type Desired, desiredSchema, withConfig } from './desired.ts';

function node(generation: number, config: string, uid = 'u'): MachineConfigNode {
  return {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfigNode',
    metadata: { name: 'host', uid, generation },
    spec: {
      node: { name: 'host' },
      pool: { name: 'web' },
      configVersion: { desired: config },
      configImage: { desiredImage: `registry.test/os@sha256:${'a'.repeat(64)}` },
      update: { phase: 'Applied' },
    },
  };
}

const previous: Desired = {
  ...{ uid: 'u', generation: 5, pool: 'web', config: 'one', phase: 'Staged', spec: { kernelArguments: ['quiet'] } },
};

describe('acceptDesired', () => {
  test.each([
    ['a node without a target', node(1, ''), undefined, 'unchanged'],
    ['a first target', node(1, 'one'), undefined, 'accepted'],
    ['what was accepted before', node(5, 'one'), previous, 'unchanged'],
    ['an older generation', node(4, 'zero'), previous, 'stale'],
    ['a newer generation', node(6, 'two'), previous, 'accepted'],
    ['a lower generation of another object', node(1, 'two', 'other'), previous, 'accepted'],
  ])('%s', (_name, object, before, kind) => {
    expect(acceptDesired(object, before).kind).toBe(kind);
  });

  test('keeps the content of a config that it has: a rendered config never changes', () => {
    expect(acceptDesired(node(6, 'one'), previous)).toMatchObject({
      spec: previous.spec,
      target: { phase: 'Applied' },
    });
    expect(acceptDesired(node(6, 'two'), previous)).toMatchObject({ spec: undefined });
  });
});

test('the image falls back to the one of the config', () => {
  const { spec: _, image: __, ...target } = { image: undefined, ...previous };
  expect(withConfig(target, { osImageURL: 'x@y' }).image).toBe('x@y');
  expect(withConfig({ ...target, image: 'a@b' }, { osImageURL: 'x@y' }).image).toBe('a@b');
  expect(withConfig(target, {}).image).toBeUndefined();
});

test('what is kept on disk reads back as it was', () => {
  const kept = { ...previous, spec: { config: { ignition: { version: '3.4.0' } }, kernelArguments: ['a'] } };
  expect(desiredSchema.parse(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
  expect(desiredSchema.safeParse({ ...kept, spec: { kernelArguments: 'a' } }).success).toBe(false);
});
