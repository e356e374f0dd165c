import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from './digest.ts';
import { verifyContent } from './verify.ts';

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function readAll(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('passes content on, however it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), async (bytes, size) => {
      const content = verifyContent(chunksOf(bytes, size), { digest: digestOf(bytes), size: bytes.length }, 'it');
      expect(await readAll(content)).toEqual(Buffer.from(bytes));
    }),
  );
});

test('finds one flipped bit', async () => {
  const bytes = Buffer.from('content');
  const content = verifyContent(chunksOf(Buffer.from('cont\x65ns'), 3), { digest: digestOf(bytes) }, 'blob x');
  await expect(readAll(content)).rejects.toMatchObject({
    code: 'DIGEST_MISMATCH',
    message: expect.stringContaining('blob x'),
  });
});

test('stops before it passes on too much, and finds too little', async () => {
  const bytes = Buffer.from('0123456789');
  const seen: Uint8Array[] = [];
  const endless = async (): Promise<void> => {
    for await (const chunk of verifyContent(chunksOf(bytes, 4), { digest: digestOf(bytes), size: 5 }, 'it'))
      seen.push(chunk);
  };
  await expect(endless()).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  expect(Buffer.concat(seen).length).toBeLessThanOrEqual(5);
  const short = verifyContent(chunksOf(bytes, 4), { digest: digestOf(bytes), size: 11 }, 'it');
  await expect(readAll(short)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
});
