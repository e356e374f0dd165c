import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRpmHeader } from './rpm-header.ts';

type Value = string | readonly string[] | readonly number[];

/** A header as lib/header.cc stores it in the database. */
function headerOf(fields: ReadonlyMap<number, Value>): Buffer {
  const index: Buffer[] = [];
  let data = Buffer.alloc(0);
  for (const [tag, value] of fields) {
    const texts = typeof value === 'string' ? [value] : value.filter((item) => typeof item === 'string');
    const numbers = typeof value === 'string' ? [] : value.filter((item) => typeof item === 'number');
    const type = typeof value === 'string' ? 6 : numbers.length > 0 ? 4 : 8;
    if (type === 4) data = Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
    const entry = Buffer.alloc(16);
    for (const [position, number] of [tag, type, data.length, texts.length + numbers.length].entries()) {
      entry.writeUInt32BE(number, position * 4);
    }
    index.push(entry);
    const bytes = Buffer.alloc(numbers.length * 4);
    for (const [position, number] of numbers.entries()) bytes.writeUInt32BE(number, position * 4);
    data = Buffer.concat([data, bytes, ...texts.map((text) => Buffer.from(`${text}\0`))]);
  }
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(index.length, 0);
  lengths.writeUInt32BE(data.length, 4);
  return Buffer.concat([lengths, ...index, data]);
}

const bash = new Map<number, Value>([
  [1000, 'bash'],
  [1001, '5.2.26'],
  [1002, '3.fc40'],
  [1022, 'x86_64'],
  [1116, [0, 1]],
  [1117, ['bash', 'bashrc']],
  [1118, ['/usr/bin/', '/etc/']],
]);

describe('parseRpmHeader', () => {
  test('reads name, version, architecture and files', () => {
    expect(parseRpmHeader(headerOf(bash))).toEqual({
      name: 'bash',
      version: '5.2.26-3.fc40',
      architecture: 'x86_64',
      files: ['usr/bin/bash', 'etc/bashrc'],
    });
  });

  test('puts the epoch before the version', () => {
    expect(parseRpmHeader(headerOf(new Map([...bash, [1003, [2]]])))?.version).toBe('2:5.2.26-3.fc40');
  });

  test('leaves out files whose directory is not there', () => {
    expect(parseRpmHeader(headerOf(new Map([...bash, [1116, [0, 7]]])))?.files).toEqual(['usr/bin/bash']);
  });

  test('is undefined without a name, and where tags have another type', () => {
    expect(parseRpmHeader(headerOf(new Map([...bash].filter(([tag]) => tag !== 1000))))).toBeUndefined();
    expect(parseRpmHeader(headerOf(new Map([...bash, [1000, [5]]])))).toBeUndefined();
  });

  test('takes any bytes, and any damage to a header, without an exception', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseRpmHeader(bytes)));
    const whole = headerOf(bash);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(damage, fc.nat(whole.length), (changes, length) => {
        const bytes = Buffer.from(whole);
        for (const [position, value] of changes) bytes[position] = value;
        void parseRpmHeader(bytes.subarray(0, length));
      }),
      { numRuns: 3000 },
    );
  });
});
