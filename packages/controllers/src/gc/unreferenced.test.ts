import type { MachineConfig, MachineConfigNode, MachineConfigPool } from '@varve/api';
import { expect, it } from 'vitest';
import { keptPerPool, minAge, unreferencedConfigs } from './unreferenced.ts';

const now = new Date('2026-06-01T12:00:00Z');

function rendered(index: number, age = minAge): MachineConfig {
  const creationTimestamp = new Date(now.getTime() - age - index * 1000).toISOString();
  const ownerReferences = [{ apiVersion: '', kind: 'MachineConfigPool', name: 'web', uid: 'p' }];
  return {
    apiVersion: '',
    kind: 'MachineConfig',
    metadata: { name: `r${index}`, creationTimestamp, ownerReferences },
    spec: {},
  };
}

function names(
  pools: MachineConfigPool[],
  states: MachineConfigNode[],
  configs: MachineConfig[],
): (string | undefined)[] {
  return unreferencedConfigs(configs, pools, states, now).map((config) => config.metadata.name);
}

const many = Array.from({ length: keptPerPool + 9 }, (_, index) => rendered(index));

it('keeps the newest, and whatever is used in any place', () => {
  const [a, b, c, d, e, f, g, h] = many.slice(keptPerPool).map((config) => config.metadata.name ?? '');
  const pool: MachineConfigPool = {
    apiVersion: '',
    kind: 'MachineConfigPool',
    metadata: { name: 'web' },
    spec: { configuration: { name: a } },
    status: { configuration: { name: b } },
  };
  const state: MachineConfigNode = {
    apiVersion: '',
    kind: 'MachineConfigNode',
    metadata: { name: 'n' },
    spec: { node: { name: 'n' }, pool: { name: 'web' }, configVersion: { desired: c ?? '' } },
    status: {
      configVersion: { current: d },
      update: { staged: e, config: f },
      booted: { checksum: '', config: g },
      rollback: { checksum: '', config: h },
    },
  };
  // Eight of fourteen are used; five of the remaining six are the newest ones.
  expect(names([pool], [state], many)).toEqual([`r${keptPerPool + 8}`]);
  expect(names([], [], many)).toHaveLength(9);
});

it('keeps the young, the user-made and the undated', () => {
  const young = many.map((config, index) => ({ ...config, ...rendered(index, -60_000) }));
  expect(names([], [], young)).toEqual([]);
  const own = many.map((config) => ({ ...config, metadata: { ...config.metadata, ownerReferences: [] } }));
  expect(names([], [], own)).toEqual([]);
  const { creationTimestamp: _, ...metadata } = rendered(1).metadata;
  expect(
    names(
      [],
      [],
      many.map((config) => ({ ...config, metadata })),
    ),
  ).toEqual([]);
});
