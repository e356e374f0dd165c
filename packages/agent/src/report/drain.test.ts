import { cordonedAnnotation, drainAnnotation, type MachineConfigNode, type Node } from '@varve/api';
import { expect, test } from 'vitest';
import { cordonedOf, drainedOf } from './drain.ts';

type Update = MachineConfigNode['spec']['update'];
const drain = { since: '2026-01-01T00:00:00Z' };
const record = (state: string, config = 'two') =>
  JSON.stringify({ state, config, guard: 'shop/a', since: drain.since });

test.each<[update: Update, annotation: string | undefined, told: readonly string[]]>([
  [undefined, undefined, ['False', 'NotStarted', '']],
  [{ phase: 'Staged' }, undefined, ['False', 'NotStarted', '']],
  [{ phase: 'Staged', drain }, undefined, ['Unknown', 'Running', '']],
  [{ phase: 'Staged', drain }, record('Draining'), ['Unknown', 'Running', 'shop/a']],
  [{ phase: 'Staged', drain }, record('Draining', 'one'), ['Unknown', 'Running', '']],
  [{ phase: 'Applied', drain }, undefined, ['True', 'Done', '']],
  [{ phase: 'Applied' }, undefined, ['False', 'NotNeeded', '']],
  [{ phase: 'Staged' }, record('Blocked'), ['False', 'Blocked', 'shop/a']],
  [{ phase: 'Staged' }, record('TimedOut'), ['False', 'TimedOut', 'shop/a']],
  [{ phase: 'Staged' }, record('Blocked', 'one'), ['False', 'NotStarted', '']],
  [{ phase: 'Staged' }, record('what'), ['False', 'NotStarted', '']],
  [{ phase: 'Staged' }, '{', ['False', 'NotStarted', '']],
])('Drained of %j with the record %s', (update, annotation, [status, reason, message]) => {
  const node: MachineConfigNode = {
    apiVersion: '',
    kind: 'MachineConfigNode',
    metadata: { name: 'h', ...(annotation !== undefined && { annotations: { [drainAnnotation]: annotation } }) },
    spec: { node: { name: 'h' }, pool: { name: 'p' }, configVersion: { desired: 'two' }, ...(update && { update }) },
  };
  expect(drainedOf(node)).toEqual({ status, reason, message });
});

test.each<[node: Partial<Node>, status: string, reason: string]>([
  [{}, 'False', 'Schedulable'],
  [{ spec: { unschedulable: true } }, 'True', 'ByOthers'],
  [{ spec: { unschedulable: true }, metadata: { annotations: { [cordonedAnnotation]: 'x' } } }, 'True', 'ForUpdate'],
  [{ metadata: { annotations: { [cordonedAnnotation]: 'x' } } }, 'False', 'Schedulable'],
])('Cordoned of %j: %s, %s', (node, status, reason) => {
  expect(cordonedOf({ apiVersion: 'v1', kind: 'Node', metadata: {}, ...node })).toMatchObject({ status, reason });
});
