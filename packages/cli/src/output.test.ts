import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, formatTable, print, type Terminal } from './output.ts';

describe('formatTable', () => {
  it('aligns columns and leaves no trailing spaces', () => {
    expect(
      formatTable(
        ['name', 'updated'],
        [
          ['host-1', 'True'],
          ['a-longer-host', ''],
        ],
      ),
    ).toBe('NAME            UPDATED\nhost-1          True\na-longer-host');
  });
});

describe('formatBytes and formatDuration', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [450_000_000, '450.0 MB'],
  ])('%d bytes is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
  it.each([
    [812, '0.8 s'],
    [42_400, '42 s'],
    [185_000, '3 min 5 s'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});

describe('print', () => {
  it.each([
    ['json', '{\n  "a": 1\n}'],
    ['yaml', 'a: 1'],
    ['table', 'A\n1'],
  ] as const)('writes %s', (format, expected) => {
    const lines: string[] = [];
    const terminal: Terminal = {
      out: (text) => void lines.push(text),
      err: () => undefined,
      status: () => undefined,
      interactive: false,
    };
    print(terminal, format, { a: 1 }, () => 'A\n1');
    expect(lines).toEqual([expected]);
  });
});
