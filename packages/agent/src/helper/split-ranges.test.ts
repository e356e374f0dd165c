import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitRanges } from './split-ranges.ts';

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

async function read(chunks: readonly Uint8Array[], lengths: readonly number[]): Promise<string[]> {
  const ranges = lengths.map((length, index) => ({ offset: index * 1000, length }));
  const texts: string[] = [];
  for await (const { offset, bytes } of splitRanges(stream(chunks), ranges, 'blob')) {
    expect(offset).toBe(texts.length * 1000);
    texts.push(Buffer.concat(await Array.fromAsync(bytes)).toString('latin1'));
  }
  return texts;
}

test('pieces come out as they were asked for, however they are cut', async () => {
  const cuts = fc.array(fc.string({ unit: 'binary-ascii' }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary-ascii', minLength: 1 }), { minLength: 1 }),
      cuts,
      async (texts, at) => {
        let rest = texts.join('');
        const chunks = at.map(({ length }) => {
          const chunk = rest.slice(0, length);
          rest = rest.slice(length);
          return Buffer.from(chunk, 'latin1');
        });
        const lengths = texts.map(({ length }) => length);
        expect(await read([...chunks, Buffer.from(rest, 'latin1')], lengths)).toEqual(texts);
      },
    ),
  );
});

test.each([
  ['fewer', ['abc'], [2, 2]],
  ['none', [], [1]],
  ['more', ['abcd', 'e'], [4]],
  ['more in the last piece', ['abcde'], [4]],
])('%s bytes than were asked for are refused', async (_name, chunks, lengths) => {
  const bytes = chunks.map((text) => Buffer.from(text));
  await expect(read(bytes, lengths)).rejects.toMatchObject({ code: 'HELPER_REFUSED' });
});
