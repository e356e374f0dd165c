import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  array,
  byteArray,
  type Codec,
  decodeNormal,
  fromVariant,
  string,
  toVariant,
  tuple,
  uint32BigEndian,
  uint64BigEndian,
  variant,
} from './gvariant.ts';

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

const pairs = array(tuple<[string, Uint8Array]>(string, byteArray));
const record = tuple<[number, string, string[], number, Uint8Array]>(
  uint32BigEndian,
  string,
  array(string),
  uint64BigEndian,
  byteArray,
);

describe('encode', () => {
  // The first two are the examples of the GVariant specification, section 2.5.
  test.each([
    ['(si)-like tuple', tuple<[string, number]>(string, uint32BigEndian).encode(['foo', 1]), '666f6f000000000104'],
    ['as', array(string).encode(['i', 'can', 'has', 'strings?']), '690063616e0068617300737472696e67733f0002060a13'],
    ['empty array', array(string).encode([]), ''],
    ['variant', variant.encode({ type: 's', bytes: Buffer.from('hi\0') }), '6869000073'],
  ])('%s', (_, bytes, expected) => {
    expect(hex(bytes)).toBe(expected);
  });

  test('uses two-byte offsets as soon as one byte cannot count the whole', () => {
    expect(array(string).encode(['x'.repeat(253)])).toHaveLength(255);
    expect(array(string).encode(['x'.repeat(254)])).toHaveLength(257);
  });

  test('uses four-byte offsets above 64 KiB', () => {
    expect(array(string).encode(['x'.repeat(65_532)])).toHaveLength(65_535);
    expect(array(string).encode(['x'.repeat(65_533)])).toHaveLength(65_538);
  });
});

const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));
const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));

describe('decodeNormal', () => {
  test('gives back what was encoded', () => {
    const values = fc.tuple(fc.nat(), text, fc.array(text), fc.nat(), bytes);
    fc.assert(
      fc.property(values, (value) => {
        expect(decodeNormal(record, record.encode(value))).toEqual(value);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(text, bytes)), (value) => {
        expect(decodeNormal(pairs, pairs.encode(value))).toEqual(value);
      }),
    );
  });

  test('accepts only bytes that it would write itself', () => {
    const codecs: Codec<unknown>[] = [record, pairs, variant, array(string), string];
    fc.assert(
      fc.property(fc.constantFrom(...codecs), fc.uint8Array({ maxLength: 60 }), (codec, input) => {
        let value: unknown;
        try {
          value = decodeNormal(codec, input);
        } catch (error) {
          expect(error).toMatchObject({ code: 'OSTREE_OBJECT_INVALID' });
          return;
        }
        expect(hex(codec.encode(value))).toBe(hex(input));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    [
      'padding that is not zero',
      tuple<[string, number]>(string, uint32BigEndian),
      '666f6f000000000104',
      '666f00ff0000000104',
    ],
    ['a string without its end', string, '666f6f00', '666f6f'],
    ['a string that is not UTF-8', string, '6600', 'ff00'],
    ['an offset behind the end', array(string), '690002', '6900ff'],
    ['a variant without a type', variant, '690073', '6969'],
  ] as [string, Codec<unknown>, string, string][])('refuses %s', (_, codec, good, bad) => {
    expect(() => codec.decode(Buffer.from(good, 'hex'))).not.toThrow();
    expect(() => decodeNormal(codec, Buffer.from(bad, 'hex'))).toThrow('not a valid OSTree object');
  });

  test('refuses numbers that JavaScript cannot hold', () => {
    expect(() => decodeNormal(uint64BigEndian, Buffer.from('ffffffffffffffff', 'hex'))).toThrow('too large');
  });
});

test('a variant gives its value only as the type that it has', () => {
  const value = toVariant(string, 'x');
  expect(fromVariant(string, value)).toBe('x');
  expect(fromVariant(array(string), value)).toBeUndefined();
});
