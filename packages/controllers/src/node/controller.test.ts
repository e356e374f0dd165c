import type { MachineConfigNode, Node } from '@varve/api';
import { expect, it } from 'vitest';
import { withNodeCondition } from './condition.ts';
import { diffNode } from './controller.ts';

const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a', uid: 'n1' } };
const member = { kind: 'member', pool: 'web' } as const;
const conflict = { kind: 'conflict', pools: ['x', 'y'] } as const;

function state(pool: string, owner = 'n1'): MachineConfigNode {
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: 'a', uid: owner }];
  return {
    apiVersion: '',
    kind: 'MachineConfigNode',
    metadata: { name: 'a', uid: 's1', ownerReferences },
    spec: { node: { name: 'a' }, pool: { name: pool }, configVersion: { desired: '' } },
  };
}

it('makes the state of a new node, in its pool', () => {
  expect(diffNode(node, undefined, member)).toMatchObject([{ kind: 'Create', pool: 'web' }]);
  expect(diffNode(node, undefined, { kind: 'none' })).toMatchObject([{ kind: 'Create', pool: '' }]);
});

it('leaves a state that is right alone', () => {
  expect(diffNode(node, state('web'), member)).toEqual([]);
});

it('deletes the state of a node that is gone, and of an earlier node of the same name', () => {
  expect(diffNode(undefined, state('web'), undefined)).toMatchObject([{ kind: 'Delete', uid: 's1' }]);
  expect(diffNode(node, state('web', 'n0'), member)).toMatchObject([{ kind: 'Delete', uid: 's1' }]);
  expect(diffNode(undefined, undefined, undefined)).toEqual([]);
});

it('follows the labels', () => {
  expect(diffNode(node, state('old'), member)).toMatchObject([{ kind: 'SetPool', pool: 'web' }]);
});

it('takes a node out of every pool when two claim it, says so once, and says when it is over', () => {
  const steps = diffNode(node, state('web'), conflict);
  expect(steps).toMatchObject([
    { kind: 'SetPool', pool: '' },
    { kind: 'ReportConflict', conflict: true, reason: expect.stringContaining('x and y') },
  ]);
  const message = steps[1]?.reason ?? '';
  const condition = { type: 'MachineConfigPoolConflict', status: 'True', reason: '', message } as const;
  const told = withNodeCondition(node, condition, new Date(0));
  expect(diffNode(told, state(''), conflict)).toEqual([]);
  expect(diffNode(told, state('web'), member)).toMatchObject([{ kind: 'ReportConflict', conflict: false }]);
});
