import { duplexPair } from 'node:stream';
import { setImmediate as tick } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { AgentError } from '../error.ts';
import { type Answer, ByteStream, Channel } from './channel.ts';
import { dataFrame, messageFrame, readFrames } from './frame.ts';

const never = new AbortController().signal;
const nothing: Answer = async () => undefined;
const untilAborted: Answer = async (_verb, _params, { signal }) => {
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
};

function connect(client: Answer, server: Answer) {
  const [left, right] = duplexPair();
  const channels = { client: new Channel(left, client), server: new Channel(right, server) };
  const running = [channels.client.run(), channels.server.run()];
  return { ...channels, running };
}

test('calls both ways, with notices, values and errors', async () => {
  const { client } = connect(
    async (verb, params) => ({ asked: [verb, params] }),
    async (verb, params, { notify, channel, signal }) => {
      if (verb === 'fail') throw new AgentError('NO_ROLLBACK', 'there is none');
      notify('half way');
      return { params, back: await channel.call('back', 1, { signal }) };
    },
  );
  const onNotice = vi.fn();
  expect(await client.call('go', { a: 1 }, { signal: never, onNotice })).toEqual({
    params: { a: 1 },
    back: { asked: ['back', 1] },
  });
  expect(onNotice).toHaveBeenCalledWith('half way');
  await expect(client.call('fail', undefined, { signal: never })).rejects.toMatchObject({
    name: 'AgentError',
    code: 'NO_ROLLBACK',
    message: 'there is none',
  });
});

test('a stream comes whole, and only as fast as it is read', async () => {
  let made = 0;
  const { client } = connect(nothing, async () => new ByteStream(pieces()));
  async function* pieces() {
    for (; made < 100; made++) yield Buffer.alloc(1000, made);
  }
  let size = 0;
  for await (const bytes of client.open('bytes', undefined, never)) {
    if (size === 0) {
      for (let turn = 0; turn < 50; turn++) await tick();
      expect(made).toBeLessThan(12);
    }
    size += bytes.length;
  }
  expect(size).toBe(100_000);
});

test('a call that is taken back is aborted on the other side, and a reader that leaves too', async () => {
  const aborted = vi.fn();
  const { client } = connect(nothing, async (verb, _params, { signal }) => {
    signal.addEventListener('abort', aborted);
    if (verb === 'wait')
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    return new ByteStream(endless());
  });
  async function* endless() {
    for (;;) yield Buffer.alloc(10);
  }
  const stop = new AbortController();
  const waiting = client.call('wait', undefined, { signal: stop.signal });
  await tick();
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  for await (const _ of client.open('bytes', undefined, never)) break;
  await vi.waitFor(() => expect(aborted).toHaveBeenCalledTimes(2), { timeout: 10_000 });
});

test('when one side is gone, everything on the other ends', async () => {
  const { client, server, running } = connect(nothing, untilAborted);
  const waiting = client.call('wait', undefined, { signal: never });
  await tick();
  server.close();
  await expect(waiting).rejects.toMatchObject({ code: 'HELPER_UNREACHABLE' });
  await expect(client.call('again', undefined, { signal: never })).rejects.toMatchObject({
    code: 'HELPER_UNREACHABLE',
  });
  await Promise.all(running);
});

describe('a side that breaks the rules is cut off', () => {
  const call = (id: number) => messageFrame({ type: 'call', id, verb: 'wait', params: null });
  test.each([
    ['no message', [messageFrame({ type: 'hello' })]],
    ['a field that nobody knows', [messageFrame({ type: 'cancel', id: 1, more: true })]],
    ['one call twice', [call(1), call(1)]],
    ['too many calls', Array.from({ length: 17 }, (_, index) => call(index + 1))],
    ['an id that is none', [messageFrame({ type: 'cancel', id: -1 })]],
  ])('%s', async (_name, frames) => {
    const [left, right] = duplexPair();
    const running = new Channel(right, async (_verb, _params, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    }).run();
    left.resume();
    for (const frame of frames) left.write(frame);
    await expect(running).rejects.toMatchObject({ code: 'HELPER_REFUSED' });
    expect(left.destroyed || right.destroyed).toBe(true);
  });

  test('bytes that nobody has asked for, or more of them', async () => {
    const [left, right] = duplexPair();
    const channel = new Channel(right, nothing);
    const running = channel.run();
    const outcome = expect(running).rejects.toMatchObject({ code: 'HELPER_REFUSED' });
    left.write(dataFrame(99, Buffer.alloc(10)));
    const reading = (async () => {
      for await (const _ of channel.open('bytes', undefined, never)) await new Promise(() => {});
    })();
    reading.catch(() => {});
    const frames = readFrames(left);
    await frames.next();
    for (let piece = 0; piece < 20; piece++) left.write(dataFrame(1, Buffer.alloc(10)));
    await outcome;
  });
});
