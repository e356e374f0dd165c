import { beforeAll, expect, test } from 'vitest';
import { KubeClient } from './client.ts';
import type { Connection, Credentials } from './connection.ts';
import { CredentialSource } from './credentials.ts';
import { answer, answerStatus, FaultyServer } from './faulty-server.fixture.ts';
import { createCertificateAuthority, issueClientCertificate } from './pki/authority.ts';

let one: Credentials;
let other: Credentials;
beforeAll(async () => {
  const authority = await createCertificateAuthority({ commonName: 'ca' });
  const issue = async (): Promise<Credentials> => {
    const issued = await issueClientCertificate(authority, { commonName: 'x', organizations: [] });
    return { cert: issued.certificate, key: issued.key };
  };
  [one, other] = await Promise.all([issue(), issue()]);
});

/** A source whose files say what `read` gives, on a clock that the test moves. */
function source(initial: Credentials, read: () => Credentials) {
  const clock = { time: 0, now: () => clock.time };
  let reads = 0;
  const reload: Connection['reload'] = async () => {
    reads += 1;
    return read();
  };
  return {
    clock,
    reads: () => reads,
    source: new CredentialSource({ server: 'https://x', ...initial, reload }, clock),
  };
}

test('files are read again when a minute has passed, and then once', async () => {
  const { source: credentials, clock, reads } = source({ token: 'a' }, () => ({ token: 'b' }));
  clock.time = 59_999;
  expect(await credentials.get()).toEqual({ token: 'a' });
  clock.time = 60_000;
  expect(await Promise.all([credentials.get(), credentials.get()])).toEqual([{ token: 'b' }, { token: 'b' }]);
  await credentials.get();
  expect(reads()).toBe(1);
});

test('what has not changed stays the same object, so that connections are kept', async () => {
  const { source: credentials, clock } = source(one, () => ({ ...one }));
  const before = await credentials.get();
  expect(await credentials.renew()).toBe(false);
  clock.time = 100_000;
  expect(await credentials.get()).toBe(before);
});

test.each<[string, () => Credentials]>([
  [
    'a failure to read',
    () => {
      throw new Error('gone');
    },
  ],
  ['an empty token', () => ({ token: '' })],
  ['a certificate with the old key', () => ({ ...one, ...(other.cert === undefined ? {} : { cert: other.cert }) })],
  ['a certificate without a key', () => (one.cert === undefined ? {} : { cert: one.cert })],
  ['half a certificate', () => ({ ...one, cert: one.cert?.slice(0, 200) ?? '' })],
])('in the middle of a renewal (%s) the old ones go on, and the new ones follow', async (_, read) => {
  let current = read;
  const { source: credentials, clock } = source(one, () => current());
  expect(await credentials.renew()).toBe(false);
  expect(await credentials.get()).toEqual(one);
  current = () => other;
  clock.time = 60_000;
  expect(await credentials.get()).toEqual(other);
});

test('without anything to read from, nothing changes', async () => {
  const credentials = new CredentialSource({ server: 'https://x', token: 'a' }, { now: () => 0 });
  expect(await credentials.renew()).toBe(false);
  expect(await credentials.get()).toEqual({ token: 'a' });
});

test('a refused token is read again at once, and the request repeated when there is a newer one', async () => {
  await using server = await FaultyServer.start();
  const { cert: _cert, key: _key, ...rest } = server.connection;
  let token = 'old';
  await using client = new KubeClient({ ...rest, token, reload: async () => ({ ...rest, token }) });
  const sent: (string | undefined)[] = [];
  const refuse = () =>
    server.faults.push((request, response) => {
      sent.push(request.headers.authorization);
      answerStatus(response, 401, 'Unauthorized', 'Unauthorized');
    });
  const accept = () =>
    server.faults.push((request, response) => {
      sent.push(request.headers.authorization);
      answer(response, 201, {});
    });
  refuse();
  await expect(client.raw('/x', { method: 'POST', body: {} })).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  refuse();
  accept();
  token = 'new';
  await client.raw('/x', { method: 'POST', body: {} });
  expect(sent).toEqual(['Bearer old', 'Bearer old', 'Bearer new']);
  refuse();
  await expect(client.raw('/x')).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  expect(server.requests).toHaveLength(4);
});

test('a renewed certificate is shown on new connections, while a watch goes on', async () => {
  await using server = await FaultyServer.start();
  const renewed = await issueClientCertificate(server.authority, { commonName: 'renewed', organizations: [] });
  let credentials: Credentials = server.connection;
  await using client = new KubeClient({ ...server.connection, reload: async () => credentials });
  const { nodeResource } = await import('@varve/api');
  const watch = client.watch(nodeResource, { resourceVersion: '100' });
  const first = watch.next();
  await expect.poll(() => server.watching).toBe(1);
  credentials = { ca: server.authority.certificate, cert: renewed.certificate, key: renewed.key };
  server.faults.push((_, response) => answerStatus(response, 401, 'Unauthorized', 'expired'));
  await client.list(nodeResource);
  expect(server.users).toEqual(['tester', 'tester', 'renewed']);
  server.put('a');
  expect((await first).value).toMatchObject({ type: 'ADDED' });
});
