import { expect, test } from 'vitest';
import { KubeClient } from '../client.ts';
import { answer, answerStatus, FaultyServer } from '../faulty-server.fixture.ts';
import { createLeaseLock } from './lease-lock.ts';

const path = '/apis/coordination.k8s.io/v1/namespaces/n/leases';
const lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'l', namespace: 'n', resourceVersion: '7', labels: { a: 'b' } },
  spec: { holderIdentity: 'x' },
};

test('a lease that is not there is made; one that is, is replaced in the version that was read', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  const lock = createLeaseLock(client, { namespace: 'n', name: 'l' });
  const { signal } = new AbortController();
  const bodies: unknown[] = [];
  const take = () =>
    server.faults.push((_, response, body) => {
      bodies.push(body === '' ? undefined : JSON.parse(body));
      answer(response, 200, lease);
    });
  server.faults.push((_, response) => answerStatus(response, 404, 'NotFound', 'no'));
  expect(await lock.read(signal)).toBeUndefined();
  take();
  await lock.write(undefined, { holderIdentity: 'x' }, signal);
  take();
  const read = await lock.read(signal);
  take();
  await lock.write(read, { holderIdentity: 'y' }, signal);
  expect(server.requests).toEqual([`GET ${path}/l`, `POST ${path}`, `GET ${path}/l`, `PUT ${path}/l`]);
  expect(bodies).toEqual([
    { ...lease, metadata: { name: 'l', namespace: 'n' } },
    undefined,
    { ...lease, spec: { holderIdentity: 'y' } },
  ]);
});

test('all but a missing lease is a failure', async () => {
  await using server = await FaultyServer.start();
  await using client = new KubeClient(server.connection);
  const lock = createLeaseLock(client, { namespace: 'n', name: 'l' });
  server.faults.push((_, response) => answerStatus(response, 403, 'Forbidden', 'no'));
  await expect(lock.read(new AbortController().signal)).rejects.toMatchObject({ code: 'FORBIDDEN' });
});
