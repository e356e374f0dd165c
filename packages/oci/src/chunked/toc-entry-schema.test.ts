import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { fuzzRuns } from '../testing/fuzz.ts';
import { ambiguousKey, isOrdinaryEntry, tocEntrySchema } from './toc-entry-schema.ts';

const digest = digestOf(Buffer.from('content'));

test.each([
  { type: 'reg', name: 'a', mode: 0o644, size: 10, uid: 1, gid: 2, digest, offset: 100, endOffset: 200 },
  { type: 'dir', name: 'd/', mode: 0o755, modtime: '2023-11-14T22:13:20Z' },
  { type: 'symlink', name: 'l', linkName: 'a' },
])('an entry as writers make it is ordinary: $type', (entry) => {
  expect(isOrdinaryEntry(entry)).toBe(true);
});

test.each<[what: string, entry: unknown]>([
  ['without a type', { name: 'a' }],
  ['without a name', { type: 'dir' }],
  ['with attributes', { type: 'dir', name: 'd', xattrs: { 'user.x': 'AQ==' } }],
  ['with a key that nobody knows', { type: 'dir', name: 'd', other: 1 }],
  ['with a key in another case', { type: 'dir', name: 'd', Size: 1 }],
  ['with a key of every object', JSON.parse('{"type":"dir","name":"d","__proto__":{},"constructor":1}')],
  ['that is a list', ['dir', 'd']],
  ['that is nothing', null],
])('an entry %s is not', (_what, entry) => {
  expect(isOrdinaryEntry(entry)).toBe(false);
});

test('what is ordinary is what the schema takes as it is', () => {
  const number = fc.oneof(
    fc.nat(),
    fc.constantFrom(-1, -0, 1.5, 0xffff_fffe, 0xffff_ffff, 2 ** 53 - 1, 2 ** 53, Infinity),
  );
  const name = fc.oneof(
    fc.string(),
    fc.constantFrom('', 'a', 'a/', 'a\0', '\ud800', 'é'.repeat(2048), 'é'.repeat(2049)),
  );
  const time = fc.constantFrom('2023-11-14T22:13:20.5Z', '2023-13-45T99:99:99Z', '2023-11-14', '');
  const value = fc.oneof(
    number,
    name,
    time,
    fc.constantFrom(null, undefined, true, digest, `${digest}0`, 'reg', 'dir', 'socket', {}, []),
  );
  const keys = [...Object.keys(tocEntrySchema.shape), 'Size', 'other', '__proto__'];
  const fields = fc.array(fc.tuple(fc.constantFrom(...keys), value), { maxLength: 4 });
  const good = { type: 'reg', name: 'a', size: 10, digest, offset: 100, endOffset: 200 };
  fc.assert(
    fc.property(fields, (changes) => {
      const entry = Object.fromEntries([...Object.entries(good), ...changes]);
      if (!isOrdinaryEntry(entry)) return;
      expect(tocEntrySchema.parse(entry)).toEqual(entry);
      expect(ambiguousKey(entry)).toBeUndefined();
    }),
    { numRuns: fuzzRuns(5000) },
  );
});
