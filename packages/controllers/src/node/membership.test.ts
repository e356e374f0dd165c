import type { MachineConfigPool, Node } from '@varve/api';
import { expect, it } from 'vitest';
import { type Membership, membershipOf } from './membership.ts';

function pool(name: string, label: string | undefined): MachineConfigPool {
  const nodeSelector = label === undefined ? {} : { matchLabels: { [label]: '' } };
  return { apiVersion: '', kind: 'MachineConfigPool', metadata: { name }, spec: { nodeSelector } };
}

const pools = [pool('worker', 'w'), pool('master', 'm'), pool('gpu', 'g'), pool('edge', 'e'), pool('empty', undefined)];

it.each<[string[], Membership]>([
  [[], { kind: 'none' }],
  [['w'], { kind: 'member', pool: 'worker' }],
  [['w', 'g'], { kind: 'member', pool: 'gpu' }],
  [['g'], { kind: 'member', pool: 'gpu' }],
  [['m', 'w'], { kind: 'member', pool: 'master' }],
  [['m', 'g', 'e'], { kind: 'member', pool: 'master' }],
  [['w', 'g', 'e'], { kind: 'conflict', pools: ['edge', 'gpu'] }],
])('labels %j make %j', (labels, expected) => {
  const node: Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { labels: Object.fromEntries(labels.map((key) => [key, ''])) },
  };
  expect(membershipOf(node, pools)).toEqual(expected);
});
