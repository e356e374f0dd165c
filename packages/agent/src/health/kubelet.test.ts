import type { Node } from '@varve/api';
import { expect, test } from 'vitest';
import { checkNodeReady, hasKubelet, isNodeReady } from './kubelet.ts';

type Conditions = NonNullable<NonNullable<Node['status']>['conditions']>;

function nodeOf(bootId: string, conditions: Conditions): Pick<Node, 'status'> {
  const info = { machineID: '', systemUUID: '', bootID: bootId, kernelVersion: '', osImage: '', kubeletVersion: '' };
  const rest = { containerRuntimeVersion: '', kubeProxyVersion: '', operatingSystem: '', architecture: '' };
  return { status: { conditions, nodeInfo: { ...info, ...rest } } };
}

const memory = { type: 'MemoryPressure', status: 'False' as const, reason: 'KubeletHasSufficientMemory' };
const ready = { type: 'Ready', status: 'True' as const, reason: 'KubeletReady' };
const notReady = { type: 'Ready', status: 'False' as const, reason: 'KubeletNotReady', message: 'no network plugin' };
const agentReady = { type: 'Ready', status: 'True' as const, reason: 'AgentReady' };

test.each<[string, Conditions, boolean]>([
  ['a kubelet', [memory, ready], true],
  ['a kubelet that went silent', [{ ...memory, status: 'Unknown', reason: 'NodeStatusUnknown' }], true],
  ['only the agent', [agentReady], false],
  ['only the agent, and a node controller', [agentReady, { ...memory, reason: 'NodeStatusNeverUpdated' }], false],
  ['nobody', [], false],
])('a node with %s', (_name, conditions, expected) => {
  expect(hasKubelet(nodeOf('2', conditions))).toBe(expected);
});

test.each<[string, Pick<Node, 'status'>, boolean]>([
  ['ready in this boot', nodeOf('2', [memory, ready]), true],
  ['ready in the boot before', nodeOf('1', [memory, ready]), false],
  ['not ready', nodeOf('2', [memory, notReady]), false],
  ['ready by word of the agent', nodeOf('2', [agentReady]), false],
])('a node that is %s', (_name, node, expected) => {
  expect(isNodeReady(node, '2')).toBe(expected);
});

test.each<[string, Pick<Node, 'status'> | undefined, boolean, string | undefined]>([
  ['is ready again', nodeOf('2', [memory, ready]), true, undefined],
  ['was not ready before', nodeOf('2', [memory, notReady]), false, undefined],
  ['nobody could ask about', undefined, true, undefined],
  ['its kubelet says nothing of', nodeOf('1', [memory, ready]), true, 'has not reported since the boot'],
  ['is not ready', nodeOf('2', [memory, notReady]), true, 'Ready=False KubeletNotReady no network plugin'],
])('after an update, a node that %s', (_name, node, before, problem) => {
  const result = checkNodeReady(node, before, '2');
  expect(result.passed).toBe(problem === undefined);
  expect(result.message).toContain(problem ?? '');
});
