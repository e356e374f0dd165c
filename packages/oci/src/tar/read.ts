// A tar reader of our own, because the readers for Node turn names and extended attributes into text on the way:
// security.capability and friends are binary. Archives come from strangers, so that everything has a limit and what two
// programs could read in two ways is refused.
import { OciError } from '../error.ts';
import { ByteReader, type Tap, truncated } from './byte-reader.ts';
import type { TarEntry, TarEntryType } from './entry.ts';
import { blockSize, type Header, isZeroBlock, parseHeader, upToNul } from './header.ts';
import { decodeName } from './name.ts';
import { checkGlobalPaxRecords, type PaxRecords, parsePaxRecords } from './pax.ts';

/** Enough for every extended attribute that Linux can store on one file (64 KiB names and values) and any path. */
const maximumExtendedHeaderSize = 1024 * 1024;
const maximumId = 0xffff_fffe;

const entryTypes: ReadonlyMap<string, TarEntryType> = new Map([
  ['0', 'file'],
  ['7', 'file'],
  ['1', 'hardlink'],
  ['2', 'symlink'],
  ['3', 'character'],
  ['4', 'block'],
  ['5', 'directory'],
  ['6', 'fifo'],
]);

/** What the headers before an entry's own say about it. */
interface Extensions {
  pax?: PaxRecords;
  path?: Uint8Array;
  linkTarget?: Uint8Array;
}

/**
 * The entries of an archive, in order. The stream is read to its end, also behind the archive's own end. `tap` is shown all
 * bytes that were not read as an entry's content: headers, padding, the end.
 * @throws OciError LAYER_INVALID (damaged, truncated, absurd), LAYER_UNSUPPORTED (sparse files, several volumes)
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  tap?: Tap,
): AsyncGenerator<TarEntry, void, undefined> {
  const reader = new ByteReader(source, tap);
  try {
    for (let header = await nextEntry(reader); header !== undefined; header = await nextEntry(reader)) {
      const entry = toEntry(header.header, header.extensions);
      const content = new Content(reader, entry.size);
      yield { ...entry, content };
      await content.finish();
    }
    await reader.skipToEnd();
  } finally {
    await reader.close();
  }
}

async function nextEntry(reader: ByteReader): Promise<{ header: Header; extensions: Extensions } | undefined> {
  const extensions: Extensions = {};
  for (;;) {
    const block = await reader.exactly(blockSize);
    if (block === undefined || isZeroBlock(block)) {
      await checkEnd(reader, block, extensions);
      return undefined;
    }
    const header = parseHeader(block);
    switch (header.typeFlag) {
      case 'x':
        refuseSecond(extensions.pax);
        extensions.pax = parsePaxRecords(await extendedHeader(reader, header));
        break;
      case 'g':
        checkGlobalPaxRecords(await extendedHeader(reader, header));
        break;
      case 'L':
        refuseSecond(extensions.path);
        extensions.path = upToNul(await extendedHeader(reader, header));
        break;
      case 'K':
        refuseSecond(extensions.linkTarget);
        extensions.linkTarget = upToNul(await extendedHeader(reader, header));
        break;
      default:
        return { header, extensions };
    }
  }
}

/** An archive ends with two blocks of zeros; many writers leave one or both out, as every reader allows. */
async function checkEnd(reader: ByteReader, block: Uint8Array | undefined, extensions: Extensions): Promise<void> {
  if (Object.keys(extensions).length > 0) throw truncated();
  if (block === undefined) return;
  const second = await reader.exactly(blockSize);
  if (second !== undefined && !isZeroBlock(second)) {
    throw new OciError('LAYER_INVALID', 'the archive has a block of zeros among its entries; push the image again');
  }
}

async function extendedHeader(reader: ByteReader, header: Header): Promise<Uint8Array> {
  if (header.size < 0 || header.size > maximumExtendedHeaderSize) {
    throw new OciError(
      'LAYER_INVALID',
      `the archive has an extended header of ${header.size} bytes, and ${maximumExtendedHeaderSize} are the most`,
    );
  }
  if (header.size === 0) return new Uint8Array();
  const bytes = await reader.exactly(header.size);
  if (bytes === undefined) throw truncated();
  // The next read may reuse the memory behind what a source gives.
  const copy = Uint8Array.from(bytes);
  await reader.skip(padding(header.size));
  return copy;
}

function refuseSecond(earlier: unknown): void {
  if (earlier === undefined) return;
  throw new OciError(
    'LAYER_INVALID',
    'the archive has two extended headers of a kind for one entry; push the image again',
  );
}

function toEntry(header: Header, extensions: Extensions): Omit<TarEntry, 'content'> {
  const pax = extensions.pax ?? { xattrs: new Map<string, Uint8Array>() };
  if (pax.path !== undefined) refuseSecond(extensions.path);
  if (pax.linkTarget !== undefined) refuseSecond(extensions.linkTarget);
  const path = decodeName(pax.path ?? extensions.path ?? header.path, 'path');
  const type = entryType(header.typeFlag, path);
  const linkTarget = pax.linkTarget ?? extensions.linkTarget ?? header.linkTarget;
  return {
    path,
    type,
    mode: header.mode & 0o7777,
    uid: checkedId(pax.uid ?? header.uid, path),
    gid: checkedId(pax.gid ?? header.gid, path),
    size: contentSize(type, pax.size ?? header.size, path),
    mtime: pax.mtime ?? header.mtime,
    ...((type === 'symlink' || type === 'hardlink') && { linkTarget: decodeName(linkTarget, 'link target') }),
    xattrs: pax.xattrs,
  };
}

function entryType(flag: string, path: string): TarEntryType {
  const type = entryTypes.get(flag);
  if (type === undefined) {
    const what =
      flag === 'S' ? 'is a sparse file; write the layer without --sparse' : `has the type ${JSON.stringify(flag)}`;
    throw new OciError('LAYER_UNSUPPORTED', `the archive's entry ${JSON.stringify(path)} ${what}`);
  }
  // The oldest format has no type for directories: the slash tells.
  return type === 'file' && path.endsWith('/') ? 'directory' : type;
}

function contentSize(type: TarEntryType, size: number, path: string): number {
  if (size < 0) throw new OciError('LAYER_INVALID', `the archive's entry ${JSON.stringify(path)} has a negative size`);
  if (type === 'file') return size;
  // Readers do not agree on whether content follows such a link; for the other types none ever does.
  if (size > 0 && (type === 'hardlink' || type === 'symlink')) {
    throw new OciError('LAYER_INVALID', `the archive's link ${JSON.stringify(path)} has a content of its own`);
  }
  return 0;
}

function checkedId(id: number, path: string): number {
  if (id >= 0 && id <= maximumId) return id;
  throw new OciError(
    'LAYER_INVALID',
    `the archive's entry ${JSON.stringify(path)} has the owner or group ${id}, which Linux has not`,
  );
}

function padding(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

/** The content of the current entry: the reader moves on only when this is finished. */
class Content implements AsyncIterable<Uint8Array> {
  readonly #reader: ByteReader;
  readonly #size: number;
  #left: number;
  #state: 'fresh' | 'reading' | 'finished' | 'cut' = 'fresh';

  constructor(reader: ByteReader, size: number) {
    this.#reader = reader;
    this.#size = size;
    this.#left = size;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#state !== 'fresh') {
      throw new TypeError('the content of an archive entry can be read once, before the next entry');
    }
    this.#state = 'reading';
    while (this.#left > 0) {
      const part = await this.#reader.some(this.#left);
      if (part === undefined) throw truncated();
      this.#left -= part.length;
      yield part;
      if (this.#wasCut()) {
        throw new TypeError('the content of an archive entry was read after the next entry was asked for');
      }
    }
  }

  /** Skips what was not read. */
  async finish(): Promise<void> {
    this.#state = this.#left > 0 ? 'cut' : 'finished';
    await this.#reader.skip(this.#left + padding(this.#size));
    this.#left = 0;
  }

  #wasCut(): boolean {
    return this.#state === 'cut';
  }
}
