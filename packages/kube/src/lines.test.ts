import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readLines } from './lines.ts';

async function* cutAt(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const cut of cuts.toSorted((left, right) => left - right)) {
    yield bytes.subarray(start, cut);
    start = cut;
  }
  yield bytes.subarray(start);
}

test('wherever the bytes are cut, the lines are the same', async () => {
  const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', '').toWellFormed());
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat(200), { maxLength: 8 }), async (lines, cuts) => {
      const bytes = new TextEncoder().encode(lines.map((each) => `${each}\n`).join(''));
      const within = cuts.map((cut) => Math.min(cut, bytes.length));
      expect(await Array.fromAsync(readLines(cutAt(bytes, within), 10_000))).toEqual(lines);
    }),
  );
});

test('an endless line is refused before it fills the memory', async () => {
  let sent = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      sent += 10;
      yield new Uint8Array(10).fill(65);
    }
  }
  await expect(Array.fromAsync(readLines(endless(), 100))).rejects.toMatchObject({ code: 'MALFORMED_RESPONSE' });
  expect(sent).toBeLessThanOrEqual(110);
});

test('a stream that ends inside a line broke off', async () => {
  const lines = readLines(cutAt(new TextEncoder().encode('whole\nhal'), []), 100);
  expect((await lines.next()).value).toBe('whole');
  await expect(lines.next()).rejects.toMatchObject({ code: 'UNREACHABLE' });
});
