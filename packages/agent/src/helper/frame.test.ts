import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dataFrame, type Frame, maxDataBytes, maxMessageBytes, messageFrame, readFrames } from './frame.ts';

async function read(...chunks: Uint8Array[]): Promise<Frame[]> {
  return await Array.fromAsync(readFrames(asStream(chunks)));
}

async function* asStream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

test('frames come out as they went in, however the bytes are cut', async () => {
  const message = fc.jsonValue().map((value) => ({ kind: 'message' as const, value }));
  const data = fc
    .tuple(fc.nat(), fc.uint8Array({ maxLength: 50 }))
    .map(([id, bytes]) => ({ kind: 'data' as const, id, bytes: Buffer.from(bytes) }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(message, data)),
      fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
      async (frames, cuts) => {
        const all = Buffer.concat(
          frames.map((frame) => (frame.kind === 'data' ? dataFrame(frame.id, frame.bytes) : messageFrame(frame.value))),
        );
        const chunks: Buffer[] = [];
        for (let at = 0; at < all.length; ) {
          const size = cuts.next().value ?? 1;
          chunks.push(all.subarray(at, at + size));
          at += size;
        }
        const expected = frames.map((frame) =>
          frame.kind === 'message' ? { ...frame, value: JSON.parse(JSON.stringify(frame.value)) } : frame,
        );
        expect(await read(...chunks)).toEqual(expected);
      },
    ),
  );
});

describe('what is no frame cuts the connection', () => {
  const headOf = (length: number, kind: number) => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(length);
    head.writeUInt8(kind, 4);
    return head;
  };
  test.each([
    ['an unknown kind', headOf(0, 7)],
    ['a message that is too long, before it has come', headOf(maxMessageBytes + 1, 0)],
    ['a piece that is too long', headOf(maxDataBytes + 5, 1)],
    ['the longest length', headOf(0xffffffff, 0)],
    ['a piece without an id', Buffer.concat([headOf(2, 1), Buffer.from('ab')])],
    ['text', Buffer.concat([headOf(3, 0), Buffer.from('{a}')])],
    ['bytes that are no UTF-8', Buffer.concat([headOf(3, 0), Buffer.from([0x22, 0xff, 0x22])])],
    ['half a head', headOf(3, 0).subarray(0, 3)],
    ['half a body', Buffer.concat([headOf(3, 0), Buffer.from('1')])],
  ])('%s', async (_name, bytes) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: 'HELPER_REFUSED' });
  });

  test('any rubbish', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), async (bytes) => {
        const outcome = await read(bytes).catch((error) => error.code);
        expect(Array.isArray(outcome) || outcome === 'HELPER_REFUSED').toBe(true);
      }),
    );
  });
});
