import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { inChunks } from '../tar/test-archive.ts';
import { fuzzRuns } from '../testing/fuzz.ts';
import { parseBoundary, parseMultipart } from './multipart.ts';

test.each([
  ['multipart/byteranges; boundary=abc', 'abc'],
  ['Multipart/ByteRanges; charset=x; BOUNDARY="a b:c"', 'a b:c'],
  ['multipart/byteranges; boundary=CloudFront:1234', 'CloudFront:1234'],
  ['multipart/byteranges', undefined],
  ['multipart/form-data; boundary=abc', undefined],
  [`multipart/byteranges; boundary=${'x'.repeat(200)}`, 'x'.repeat(100)],
  [undefined, undefined],
])('boundary of %s', (header, expected) => {
  expect(parseBoundary(header)).toBe(expected);
});

async function readAll(bytes: Uint8Array, chunkSize: number): Promise<[number, string][]> {
  const parts: [number, string][] = [];
  for await (const part of parseMultipart(inChunks(bytes, chunkSize), 'b')) {
    parts.push([part.offset, Buffer.concat(await Array.fromAsync(part.bytes)).toString('latin1')]);
  }
  return parts;
}

const body = Buffer.from(
  'preamble\r\n--b\r\nContent-Type: x\r\nContent-Range: bytes 3-5/10\r\n\r\n\r\n-\r\n--b\r\ncontent-range:bytes 7-7/*\r\n\r\n-\r\n--b--\r\nend',
);

test('parts are read, however they are cut', async () => {
  for (let size = 1; size < body.length; size += 1) {
    expect(await readAll(body, size)).toEqual([
      [3, '\r\n-'],
      [7, '-'],
    ]);
  }
});

test('any damage gives parts or an error, and ends', async () => {
  const change = fc.tuple(fc.nat(body.length - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(body.length), async (changes, end) => {
      const damaged = Buffer.from(body);
      for (const [position, value] of changes) damaged[position] = value;
      try {
        await readAll(damaged.subarray(0, end), 7);
      } catch (error) {
        expect(['NotAsAskedError', 'RangeError']).toContain(error instanceof Error ? error.name : error);
      }
    }),
    { numRuns: fuzzRuns(500) },
  );
});
