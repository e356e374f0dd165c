import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutputTail } from './output-tail.ts';
import { maxOutput } from './result.ts';

function tailOf(chunks: readonly (string | Buffer)[]): string {
  const tail = new OutputTail();
  for (const chunk of chunks) tail.add(Buffer.from(chunk));
  return tail.toString();
}

test('however the bytes arrive, the end is kept', () => {
  const text = fc.stringMatching(/^[a-z0-9\n]{0,3000}$/);
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), (chunks) => {
      expect(tailOf(chunks)).toBe(chunks.join('').slice(-maxOutput).trimEnd());
    }),
  );
});

test('a character that was cut in two is left out', () => {
  const shown = tailOf(['ä'.repeat(maxOutput), 'x']);
  expect(shown).toBe(`${'ä'.repeat((maxOutput - 2) / 2)}x`);
});

test.each([
  ['a\u{1b}[31mred\u{1b}[0m\u{0}', 'a\u{fffd}[31mred\u{fffd}[0m\u{fffd}'],
  ['a\r\n\tb\n\n', 'a\n\tb'],
  [Buffer.from([0x61, 0xff, 0x62]), 'a\u{fffd}b'],
])('%j is shown as %j', (bytes, text) => {
  expect(tailOf([bytes])).toBe(text);
});
