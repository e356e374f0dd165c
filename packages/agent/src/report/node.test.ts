import type { Node } from '@varve/api';
import type { KubeClient } from '@varve/kube';
import { expect, test } from 'vitest';
import { NodeReporter, osName } from './node.ts';

type Conditions = NonNullable<NonNullable<Node['status']>['conditions']>;

/** What is written while the Node has these conditions, until something was asked or written `count` times. */
async function written(conditions: () => Conditions, count: number): Promise<string[]> {
  const done: string[] = [];
  const stop = new AbortController();
  const note = (what: string): Node => {
    done.push(what);
    if (done.length === count) stop.abort();
    return { apiVersion: 'v1', kind: 'Node', metadata: { name: 'h' }, status: { conditions: conditions() } };
  };
  const client: Pick<KubeClient, 'get' | 'patch' | 'create'> = {
    get: async ({ kind }) => note(`get ${kind}`) as never,
    patch: async ({ kind }) => note(`patch ${kind}`) as never,
    create: async ({ kind }) => note(`create ${kind}`) as never,
  };
  const reporter = new NodeReporter();
  await reporter.run(client, 'h', () => {}, stop.signal);
  return done;
}

const memory = { type: 'MemoryPressure', status: 'False' as const, reason: 'KubeletHasSufficientMemory' };

test('a host without a kubelet says itself that it is there', async () => {
  expect(await written(() => [], 3)).toEqual(['get Node', 'patch Node', 'patch Lease']);
});

test('whoever asks is shown the Node', async () => {
  const seen: string[] = [];
  const reporter = new NodeReporter(({ metadata }) => void seen.push(metadata.name ?? ''));
  const stop = new AbortController();
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'h' } };
  const patch = async () => {
    stop.abort();
    return node;
  };
  const client = { get: async () => node, patch, create: async () => node };
  await reporter.run(client as never, 'h', () => {}, stop.signal);
  expect(seen).toEqual(['h', 'h']);
});

test('a kubelet is not contradicted', async () => {
  expect(await written(() => [memory], 1)).toEqual(['get Node']);
});

test('a kubelet that comes later is found in the answer', async () => {
  let asked = 0;
  const conditions = () => (asked++ === 0 ? [] : [memory]);
  expect(await written(conditions, 2)).toEqual(['get Node', 'patch Node']);
});

test.each([
  ['NAME=x\nPRETTY_NAME="Test OS 1"\n', 'Test OS 1'],
  ["PRETTY_NAME='Other'", 'Other'],
  ['', 'Linux'],
])('%j is %s', (text, name) => {
  expect(osName(text)).toBe(name);
});
