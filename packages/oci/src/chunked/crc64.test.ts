import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Crc64 } from './crc64.ts';

function crcOf(...parts: Uint8Array[]): string {
  const crc = new Crc64();
  for (const part of parts) crc.update(part);
  return crc.digest().toString('hex');
}

// Values of Go's hash/crc64 for its ISO table (crc64_test.go).
test.each([
  ['', '0000000000000000'],
  ['a', '3420000000000000'],
  ['ab', '36c4200000000000'],
  ['abc', '3776c42000000000'],
])('of %j', (text, expected) => {
  expect(crcOf(Buffer.from(text))).toBe(expected);
});

/** Bit by bit, as the definition has it. */
function slowly(bytes: Uint8Array): string {
  let crc = 0xffff_ffff_ffff_ffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >> 1n) ^ (crc & 1n ? 0xd800_0000_0000_0000n : 0n);
  }
  return (crc ^ 0xffff_ffff_ffff_ffffn).toString(16).padStart(16, '0');
}

test('is what the definition says, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, cut) => {
      expect(crcOf(bytes.subarray(0, cut), bytes.subarray(cut))).toBe(slowly(bytes));
    }),
  );
});
