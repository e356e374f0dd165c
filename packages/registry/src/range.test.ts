import { expect, test } from 'vitest';
import { parseContentRange, parseRanges } from './range.ts';

test.each([
  [undefined, 10, 'whole'],
  ['bytes=0-', 10, [{ start: 0, end: 9 }]],
  ['bytes=0-0', 10, [{ start: 0, end: 0 }]],
  ['bytes=3-5', 10, [{ start: 3, end: 5 }]],
  ['bytes=3-500', 10, [{ start: 3, end: 9 }]],
  ['bytes=-3', 10, [{ start: 7, end: 9 }]],
  ['bytes=-300', 10, [{ start: 0, end: 9 }]],
  ['bytes=9-', 10, [{ start: 9, end: 9 }]],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=0-', 0, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=-1', 0, 'unsatisfiable'],
  ['bytes=5-3', 10, 'whole'],
  ['bytes=-', 10, 'whole'],
  [
    'bytes=0-1,3-4',
    10,
    [
      { start: 0, end: 1 },
      { start: 3, end: 4 },
    ],
  ],
  [
    'bytes=0-1, 3-4 ,-1',
    10,
    [
      { start: 0, end: 1 },
      { start: 3, end: 4 },
      { start: 9, end: 9 },
    ],
  ],
  ['bytes=0-1,20-30', 10, [{ start: 0, end: 1 }]],
  ['bytes=20-30,40-', 10, 'unsatisfiable'],
  ['bytes=3-4,0-1', 10, 'whole'],
  ['bytes=0-4,4-5', 10, 'whole'],
  ['bytes=0-1,', 10, 'whole'],
  [`bytes=${'0-0,'.repeat(300)}1-1`, 10, 'whole'],
  ['bytes=0x1-2', 10, 'whole'],
  ['items=0-1', 10, 'whole'],
])('Range %s of %i bytes', (header, size, expected) => {
  expect(parseRanges(header, size)).toEqual(expected);
});

test.each([
  ['0-9', { start: 0, end: 9 }],
  ['bytes 5-9/20', { start: 5, end: 9 }],
  ['bytes=5-9', { start: 5, end: 9 }],
  ['9-5', undefined],
  ['-5', undefined],
  ['5-', undefined],
  ['a-b', undefined],
  ['', undefined],
])('Content-Range %s', (header, expected) => {
  expect(parseContentRange(header)).toEqual(expected);
});
