// Golden values of the formats: bytes and checksums that `ostree` itself gives for the same files and trees.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksumOf, checksumToBytes, type OstreeChecksum, parseChecksum } from '../checksum.ts';
import { array, byteArray, string, tuple } from '../gvariant.ts';
import {
  decodeCommit,
  encodeCommit,
  metadataString,
  metadataStrings,
  stringsVariant,
  stringVariant,
} from './commit.ts';
import { defaultDirectoryMetadata, encodeDirectoryMetadata } from './dirmeta.ts';
import { decodeDirectoryTree, encodeDirectoryTree } from './dirtree.ts';
import { createFileHash, type FileMetadata, finishFileHash } from './file.ts';

const none = new Map<string, Uint8Array>();
const two = new Map([
  ['user.blah', Buffer.from('somedata\0')],
  ['security.selinux', Buffer.from('foo_t\0')],
]);
const networks = 'default 0.0.0.0\nloopback 127.0.0.0\nlink-local 169.254.0.0\n';
const root = { uid: 0, gid: 0 };
const directoryMetadata = parseChecksum('446a0ef11b7cc167f3b603e585c7eeeeb675faa412d5ec73f62988eb0b6c5488');

function checksum(metadata: FileMetadata, content = ''): OstreeChecksum {
  return finishFileHash(createFileHash(metadata).update(content));
}

describe('file checksums', () => {
  test.each([
    [
      'empty',
      { ...root, mode: 0o644, xattrs: none },
      '',
      'cc700d46f407c6c5ab2d5dde474366a928b7398277e61162e7f8ec06f469f07e',
    ],
    [
      'hi',
      { ...root, mode: 0o644, xattrs: none },
      'hi',
      '2301b5923720c3edc1f0467addb5c287fd5559e3e0cd1396e7f1edb6b01be9f0',
    ],
    [
      'with attributes',
      { ...root, mode: 0o644, xattrs: two },
      'hi',
      '72473a9e8ace75f89f1504137cfb134feb5372bc1d97e04eb5300e24ad836153',
    ],
    [
      'without a label',
      { ...root, mode: 0o644, xattrs: none },
      networks,
      '8aaa9dc13a0c5839fe4a277756798c609c53fac6fa2290314ecfef9041065873',
    ],
    [
      'with a label',
      { ...root, mode: 0o644, xattrs: new Map([['security.selinux', Buffer.from('system_u:object_r:etc_t:s0\0')]]) },
      networks,
      '4f600d252338f93279c51c964915cb2c26f0d09082164c54890d1a3c78cdeb1e',
    ],
    [
      'executable',
      { ...root, mode: 0o755, xattrs: none },
      'hello\n',
      'd6f58149fd47ec2be3fafef4fe767915f195e7ae67b9a0c090b842b156cd07f3',
    ],
    [
      'symlink',
      { ...root, mode: 0, linkTarget: 'hi', xattrs: none },
      '',
      '8759a20a6ca062f5ce17955356073a670ae170eddf7ff63a882518b8b79c2e9f',
    ],
  ])('%s', (_, metadata, content, expected) => {
    expect(checksum(metadata, content)).toBe(expected);
  });
});

describe('directory metadata', () => {
  test.each([
    ['plain', none, directoryMetadata],
    ['with attributes', two, 'f773ab98198d8e46f77be6ffff5fc1920888c0af5794426c3b1461131d509f34'],
  ])('%s', (_, xattrs, expected) => {
    expect(checksumOf(encodeDirectoryMetadata({ ...defaultDirectoryMetadata, xattrs }))).toBe(expected);
  });
});

const bin = encodeDirectoryTree({
  files: new Map([
    ['hi2', checksum({ ...root, mode: 0, linkTarget: 'hi', xattrs: none })],
    ['hi', checksum({ ...root, mode: 0o755, xattrs: none }, 'hello\n')],
  ]),
  directories: new Map(),
});

const fileName = fc
  .string({ minLength: 1, unit: 'binary' })
  .filter((name) => !/[/\0]/.test(name) && name !== '.' && name !== '..');

const treeCodec = tuple<[[string, Uint8Array][], [string, Uint8Array, Uint8Array][]]>(
  array(tuple<[string, Uint8Array]>(string, byteArray)),
  array(tuple<[string, Uint8Array, Uint8Array]>(string, byteArray, byteArray)),
);

/** A tree of which the first `files` names are files and the others directories, written by the codec and by us, and read. */
function expectAsOfCodec(names: readonly string[], files: number): void {
  const hash = (name: string) => checksumOf(Buffer.from(name));
  const byBytes = (rows: readonly string[]) => rows.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const [fileNames, directoryNames] = [byBytes(names.slice(0, files)), byBytes(names.slice(files))];
  const bytes = treeCodec.encode([
    fileNames.map((name) => [name, checksumToBytes(hash(name))]),
    directoryNames.map((name) => [name, checksumToBytes(hash(name)), checksumToBytes(hash(`${name}/`))]),
  ]);
  const tree = {
    files: new Map(names.slice(0, files).map((name) => [name, hash(name)])),
    directories: new Map(names.slice(files).map((name) => [name, { tree: hash(name), metadata: hash(`${name}/`) }])),
  };
  expect(Buffer.from(encodeDirectoryTree(tree)).equals(bytes)).toBe(true);
  expect(decodeDirectoryTree(bytes)).toEqual(tree);
}

describe('directory trees', () => {
  test('have the checksums that ostree gives', () => {
    const etc = encodeDirectoryTree({
      files: new Map([['empty', checksum({ ...root, mode: 0o644, xattrs: none })]]),
      directories: new Map(),
    });
    const usr = encodeDirectoryTree({
      files: new Map(),
      directories: new Map([
        ['etc', { tree: checksumOf(etc), metadata: directoryMetadata }],
        ['bin', { tree: checksumOf(bin), metadata: directoryMetadata }],
      ]),
    });
    expect(checksumOf(etc)).toBe('81ea3e94a64fcb26ef505be1e7fa22c9fc2289eb87053f0e2eae1daf7a1e3257');
    expect(checksumOf(encodeDirectoryTree({ files: new Map(), directories: new Map() }))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
    expect(checksumOf(bin)).toBe('652106025198ec3664b6803c81db931ef493670651c1b064075bbd7c22570082');
    expect(checksumOf(usr)).toBe('113ff9e8bb1e376d754cfb37181552852cc351f2f904d27aeefd8708827259e9');
  });

  test('are written as any other GVariant of their type', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fileName, { maxLength: 40 }), fc.nat(), (names, split) => {
        expectAsOfCodec(names, split % (names.length + 1));
      }),
    );
  });

  test.each([255, 256, 65_535, 65_536])('with offsets behind %d bytes', (bytes) => {
    for (let size = bytes - 40; size < bytes + 40; size++) expectAsOfCodec(['x'.repeat(size)], size % 2);
    expectAsOfCodec(
      Array.from({ length: bytes / 40 }, (_, index) => `file ${index}`),
      20,
    );
  });

  test('are read back', () => {
    expect([...decodeDirectoryTree(bin).files.keys()]).toEqual(['hi', 'hi2']);
  });

  test('are sorted by bytes and not by UTF-16', () => {
    const file = checksum({ ...root, mode: 0o644, xattrs: none });
    const tree = encodeDirectoryTree({
      files: new Map([
        ['🦆', file],
        ['\uffee', file],
      ]),
      directories: new Map(),
    });
    expect([...decodeDirectoryTree(tree).files.keys()]).toEqual(['\uffee', '🦆']);
  });

  test.each(['..', '.', '', 'a/b'])('with the name %j are refused', (name) => {
    const file = checksum({ ...root, mode: 0o644, xattrs: none });
    const bytes = encodeDirectoryTree({ files: new Map([[name, file]]), directories: new Map() });
    expect(() => decodeDirectoryTree(bytes)).toThrow('cannot be the name of a file');
  });

  test('with a name that is a file and a directory are refused', () => {
    const file = checksum({ ...root, mode: 0o644, xattrs: none });
    const bytes = encodeDirectoryTree({
      files: new Map([['a', file]]),
      directories: new Map([['a', { tree: file, metadata: file }]]),
    });
    expect(() => decodeDirectoryTree(bytes)).toThrow('twice or out of order');
  });
});

describe('commits', () => {
  const bytes = encodeCommit({
    metadata: new Map([
      ['version', stringVariant('1.0')],
      ['ostree.ref-binding', stringsVariant(['test/main'])],
    ]),
    subject: 'subj',
    body: 'bodytext',
    timestamp: 1_700_000_000,
    tree: parseChecksum('6edb472e7062a04f96d4623f3f36d691c1227c27d129f86ae6f6fe7679ed3568'),
    treeMetadata: directoryMetadata,
  });

  test('have the checksum that ostree gives', () => {
    expect(checksumOf(bytes)).toBe('30e687680f731c57a2cbd267e9b2d8f615649c7efd29b523ba73cf7708fb0a75');
  });

  test('are read back', () => {
    const commit = decodeCommit(bytes);
    expect(commit).toMatchObject({ subject: 'subj', body: 'bodytext', timestamp: 1_700_000_000, parent: undefined });
    expect(metadataString(commit, 'version')).toBe('1.0');
    expect(metadataStrings(commit, 'ostree.ref-binding')).toEqual(['test/main']);
    expect(metadataString(commit, 'ostree.ref-binding')).toBeUndefined();
  });
});
