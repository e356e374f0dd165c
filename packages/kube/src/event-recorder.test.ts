import { expect, test } from 'vitest';
import { KubeClient } from './client.ts';
import { EventRecorder } from './event-recorder.ts';
import { answer, answerStatus, FaultyServer } from './faulty-server.fixture.ts';
import { isRecord } from './status.ts';

const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'host-1', uid: 'u1' } };
const pool = { ...node, kind: 'Pool', metadata: { name: 'p', namespace: 'n' } };

/** A server that takes `count` writes of events, a recorder that writes there, and what was written. */
class Recording implements AsyncDisposable {
  readonly server: FaultyServer;
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly bodies: Record<string, unknown>[] = [];
  readonly errors: unknown[] = [];

  constructor(server: FaultyServer) {
    this.server = server;
    this.client = new KubeClient(server.connection);
    const onError = (error: unknown) => this.errors.push(error);
    this.recorder = new EventRecorder(this.client, { component: 'varve-test', host: 'here', onError });
  }

  accept(count: number): void {
    for (let i = 0; i < count; i += 1) {
      this.server.faults.push((request, response, body) => {
        const sent: unknown = JSON.parse(body);
        if (isRecord(sent)) this.bodies.push(sent);
        answer(response, 200, { apiVersion: 'v1', kind: 'Event', metadata: { name: request.url } });
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.recorder.close();
    await this.client.close();
    await this.server[Symbol.asyncDispose]();
  }
}

test('an event names its object, its reporter and its time, and lives where the object does', async () => {
  await using recording = new Recording(await FaultyServer.start());
  recording.accept(2);
  recording.recorder.record(node, 'Warning', 'StageFailed', 'The disk is full.');
  recording.recorder.record(pool, 'Normal', 'Rendered', 'All good.');
  await recording.recorder.flush();
  expect(recording.server.requests).toEqual([
    'POST /api/v1/namespaces/default/events',
    'POST /api/v1/namespaces/n/events',
  ]);
  expect(recording.bodies[0]).toMatchObject({
    involvedObject: { apiVersion: 'v1', kind: 'Node', name: 'host-1', uid: 'u1' },
    type: 'Warning',
    reason: 'StageFailed',
    message: 'The disk is full.',
    source: { component: 'varve-test', host: 'here' },
    count: 1,
  });
  expect(recording.bodies[0]?.metadata).toMatchObject({ name: expect.stringMatching(/^host-1\.[0-9a-f]{16}$/) });
  expect(recording.bodies[0]?.lastTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(recording.errors).toEqual([]);
});

test('repeats are counted up in the same event, those that wait by one request', async () => {
  await using recording = new Recording(await FaultyServer.start());
  recording.accept(2);
  recording.recorder.record(node, 'Normal', 'Staged', 'x');
  await recording.recorder.flush();
  for (let i = 0; i < 5; i += 1) recording.recorder.record(node, 'Normal', 'Staged', 'x');
  await recording.recorder.flush();
  expect(recording.server.requests).toHaveLength(2);
  expect(recording.server.requests[1]).toMatch(/^PATCH \/api\/v1\/namespaces\/default\/events\/host-1\./);
  expect(recording.bodies[1]).toMatchObject({ count: 6 });
});

test('another reason, message or object is another event', async () => {
  await using recording = new Recording(await FaultyServer.start());
  recording.accept(4);
  recording.recorder.record(node, 'Normal', 'Staged', 'x');
  recording.recorder.record(node, 'Normal', 'Staged', 'y');
  recording.recorder.record(node, 'Normal', 'Applied', 'x');
  recording.recorder.record(pool, 'Normal', 'Staged', 'x');
  await recording.recorder.flush();
  expect(recording.server.requests.filter((line) => line.startsWith('POST'))).toHaveLength(4);
});

test('an event that the server has forgotten is made anew', async () => {
  await using recording = new Recording(await FaultyServer.start());
  recording.accept(1);
  recording.recorder.record(node, 'Normal', 'Staged', 'x');
  await recording.recorder.flush();
  recording.server.faults.push((_, response) => answerStatus(response, 404, 'NotFound', 'gone'));
  recording.accept(1);
  recording.recorder.record(node, 'Normal', 'Staged', 'x');
  await recording.recorder.flush();
  expect(recording.server.requests.map((line) => line.split(' ')[0])).toEqual(['POST', 'PATCH', 'POST']);
  expect(recording.bodies[1]).toMatchObject({ count: 1 });
});

test('a server that fails for a moment is tried again; one that forbids is not, and the caller never notices', async () => {
  await using recording = new Recording(await FaultyServer.start());
  recording.server.faults.push((_, response) => answerStatus(response, 500, 'InternalError', 'oops'));
  recording.accept(1);
  recording.recorder.record(node, 'Normal', 'Staged', 'x');
  await recording.recorder.flush();
  expect(recording.bodies).toHaveLength(1);
  expect(recording.errors).toEqual([]);
  recording.server.faults.push((_, response) => answerStatus(response, 403, 'Forbidden', 'no'));
  recording.recorder.record(pool, 'Normal', 'Staged', 'x');
  await recording.recorder.flush();
  expect(recording.errors).toMatchObject([{ code: 'FORBIDDEN' }]);
  expect(recording.server.requests).toHaveLength(3);
});

test('ever new messages become one event that says the last', async () => {
  await using recording = new Recording(await FaultyServer.start());
  recording.accept(20);
  for (let i = 1; i <= 12; i += 1) {
    recording.recorder.record(node, 'Normal', 'Staged', `step ${i}`);
    await recording.recorder.flush();
  }
  const methods = recording.server.requests.map((line) => line.split(' ')[0]);
  expect(methods).toEqual([...Array.from({ length: 10 }, () => 'POST'), 'PATCH', 'PATCH']);
  expect(recording.bodies.at(-1)).toMatchObject({ count: 3, message: '(combined from similar events): step 12' });
});

test('too many repeats cost no requests, but are counted by the next one', async () => {
  await using recording = new Recording(await FaultyServer.start());
  recording.accept(30);
  const begin = Date.now();
  const repeat = async (milliseconds: number) => {
    recording.recorder.record(node, 'Normal', 'Staged', 'x', new Date(begin + milliseconds));
    await recording.recorder.flush();
  };
  for (let i = 0; i < 40; i += 1) await repeat(i);
  expect(recording.server.requests).toHaveLength(25);
  expect(recording.bodies.at(-1)).toMatchObject({ count: 25 });
  await repeat(5 * 60_000 + 1_000);
  expect(recording.bodies.at(-1)).toMatchObject({ count: 41 });
});

test('what waits is bounded, and closing does not wait for ever', async () => {
  await using recording = new Recording(await FaultyServer.start());
  await recording.server.vanish();
  for (let i = 0; i < 1500; i += 1) {
    const other = { ...node, metadata: { name: `host-${i}` } };
    recording.recorder.record(other, 'Normal', 'Staged', 'x');
  }
  expect(recording.errors.length).toBeGreaterThanOrEqual(499);
  expect(recording.errors[0]).toMatchObject({ code: 'UNAVAILABLE' });
  await recording.recorder.close();
  recording.recorder.record(node, 'Normal', 'Late', 'x');
  await recording.recorder.flush();
});

test('a long message is cut between characters', async () => {
  await using recording = new Recording(await FaultyServer.start());
  recording.accept(1);
  recording.recorder.record(node, 'Normal', 'Staged', 'ü'.repeat(2000));
  await recording.recorder.flush();
  const message = String(recording.bodies[0]?.message);
  expect(message).toMatch(/^ü+…$/);
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
});
