// Reading file objects, as each repository mode keeps them
// (https://ostreedev.github.io/ostree/repo/#repository-types-and-locations).
import { closeSync, createReadStream, lstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import type { OstreeChecksum } from './checksum.ts';
import { OstreeError } from './error.ts';
import { decodeArchiveHeader, type FileMetadata } from './objects/file.ts';

/** Read at once up to this size: a stream costs more than the reading. */
const smallSize = 64 * 1024;
/** Link target and extended attributes, whatever Linux can store on one file. */
const maximumHeaderSize = 1024 * 1024;

/** A file object in a repository. What it holds was not held against its name. */
export interface StoredFile {
  /** Bytes of its content; 0 for a symbolic link. */
  readonly size: number;
  readonly linkTarget?: string | undefined;
  /** Only mode archive keeps it where Node can read all of it. */
  readonly metadata?: FileMetadata | undefined;
  readonly read: () => AsyncIterable<Uint8Array>;
}

/** Where file objects are: a repository, or one with what is on its way into it. */
export interface FileSource {
  /** @throws OstreeError REPOSITORY_DAMAGED, OSTREE_OBJECT_INVALID */
  openFile(checksum: OstreeChecksum): StoredFile;
}

/**
 * An object of mode bare; also of bare-user, where a symbolic link looks like a file that holds its target and a NUL: what it
 * is stands in an extended attribute.
 * @throws OstreeError REPOSITORY_DAMAGED when it is not there
 */
export function openBareFile(path: string): StoredFile {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw damaged(path, 'is not there');
  if (stat.isSymbolicLink()) return { size: 0, linkTarget: readlinkSync(path), read: () => readPart(path, 0, 0) };
  return { size: stat.size, read: () => readPart(path, 0, stat.size) };
}

/**
 * An object of mode archive.
 * @throws OstreeError REPOSITORY_DAMAGED when it is not there, OSTREE_OBJECT_INVALID
 */
export function openArchiveFile(path: string): StoredFile {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw damaged(path, 'is not there');
  const { metadata, size, length } = decodeArchiveHeader(readHead(path, stat.size));
  const { linkTarget } = metadata;
  return {
    size,
    metadata,
    ...(linkTarget !== undefined && { linkTarget }),
    read: () => (linkTarget === undefined ? inflate(path, length, stat.size) : readPart(path, 0, 0)),
  };
}

function readHead(path: string, fileSize: number): Uint8Array {
  const head = Buffer.alloc(Math.min(fileSize, maximumHeaderSize));
  const descriptor = openSync(path, 'r');
  try {
    return head.subarray(0, readSync(descriptor, head, 0, head.length, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes of a file from one offset to another. */
async function* readPart(path: string, start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
  if (end <= start) return;
  if (end <= smallSize) yield (await readFile(path)).subarray(start, end);
  else yield* createReadStream(path, { start, end: end - 1 });
}

async function* inflate(path: string, start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
  const inflater = createInflateRaw();
  pipeline(Readable.from(readPart(path, start, end)), inflater, () => {
    // Its error destroys the inflater, and thus reaches the loop below.
  });
  try {
    for await (const chunk of inflater) yield chunk;
  } catch (cause) {
    throw damaged(path, 'cannot be inflated', cause);
  } finally {
    inflater.destroy();
  }
}

function damaged(path: string, how: string, cause?: unknown): OstreeError {
  return new OstreeError(
    'REPOSITORY_DAMAGED',
    `${path} ${how}; run \`ostree fsck --delete\` on the repository and stage the image again`,
    { cause },
  );
}
