// Every decoder of objects, against damage: what it returns is what the bytes say, or an error with a code.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseChecksum } from '../checksum.ts';
import { decodeCommit, encodeCommit, stringsVariant, stringVariant } from './commit.ts';
import { decodeDirectoryMetadata, encodeDirectoryMetadata } from './dirmeta.ts';
import { decodeDirectoryTree, encodeDirectoryTree } from './dirtree.ts';
import { decodeArchiveHeader, encodeArchiveHeader } from './file.ts';
import { decodeXattrs, encodeXattrs } from './xattrs.ts';

const runs = Number(process.env.VARVE_FUZZ_RUNS) || 2000;

const checksum = parseChecksum('ab'.repeat(32));
const xattrs = new Map([
  ['security.capability', Buffer.from([1, 0, 0, 2])],
  ['user.x', Buffer.from('y')],
]);

const objects: [name: string, good: Uint8Array, reencode: (bytes: Uint8Array) => Uint8Array][] = [
  [
    'a directory tree',
    encodeDirectoryTree({
      files: new Map([
        ['a', checksum],
        ['b', checksum],
      ]),
      directories: new Map([['c', { tree: checksum, metadata: checksum }]]),
    }),
    (bytes) => encodeDirectoryTree(decodeDirectoryTree(bytes)),
  ],
  ['extended attributes', encodeXattrs(xattrs), (bytes) => encodeXattrs(decodeXattrs(bytes))],
  [
    "a directory's metadata",
    encodeDirectoryMetadata({ uid: 1, gid: 2, mode: 0o755, xattrs }),
    (bytes) => encodeDirectoryMetadata(decodeDirectoryMetadata(bytes)),
  ],
];

function damage(good: Uint8Array): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  return fc
    .tuple(fc.array(change, { maxLength: 4 }), fc.nat(good.length), fc.uint8Array({ maxLength: 4 }))
    .map(([changes, end, tail]) => {
      const bytes = Buffer.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      return Buffer.concat([bytes.subarray(0, end), tail]);
    });
}

/** False where the bytes are refused. */
function isDecoded(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'OSTREE_OBJECT_INVALID' });
    return false;
  }
}

test.each(objects)('%s', (_, good, reencode) => {
  expect(Buffer.from(reencode(good)).equals(good)).toBe(true);
  fc.assert(
    fc.property(damage(good), (bytes) => {
      if (isDecoded(() => reencode(bytes))) expect(Buffer.from(reencode(bytes)).equals(bytes)).toBe(true);
    }),
    { numRuns: runs },
  );
});

test.each<[string, Uint8Array, (bytes: Uint8Array) => unknown]>([
  [
    'a commit',
    encodeCommit({
      metadata: new Map([
        ['a', stringVariant('b')],
        ['c', stringsVariant(['d', 'e'])],
      ]),
      parent: checksum,
      subject: 'subject',
      body: '',
      timestamp: 1,
      tree: checksum,
      treeMetadata: checksum,
    }),
    decodeCommit,
  ],
  [
    'the header of a file in an archive',
    encodeArchiveHeader({ uid: 1, gid: 2, mode: 0o644, xattrs }, 5),
    decodeArchiveHeader,
  ],
])('%s', (_, good, decode) => {
  expect(isDecoded(() => decode(good))).toBe(true);
  fc.assert(
    fc.property(damage(good), (bytes) => {
      isDecoded(() => decode(bytes));
    }),
    { numRuns: runs },
  );
});
