// The header of an installed rpm package, as the database holds it: an index of tags, then their data, big-endian.
// https://rpm-software-management.github.io/rpm/manual/format_v4.html ("Header format"), and lib/header.cc for the form in
// the database, which has no magic before it.
import type { InstalledPackage } from './package.ts';

export interface RpmPackage extends InstalledPackage {
  /** Without the slash before them. */
  readonly files: readonly string[];
}

const tags = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  architecture: 1022,
  directoryIndexes: 1116,
  baseNames: 1117,
  directoryNames: 1118,
} as const;

const int32Type = 4;
const stringType = 6;
const stringArrayType = 8;
const indexEntrySize = 16;
const maximumTags = 65_536;
const maximumPath = 4096;

interface IndexEntry {
  readonly type: number;
  readonly offset: number;
  readonly count: number;
}

/** Undefined where the bytes are no header of a package, whatever they are. */
export function parseRpmHeader(bytes: Uint8Array): RpmPackage | undefined {
  const header = RpmHeader.open(bytes);
  const name = header?.string(tags.name);
  const version = header?.string(tags.version);
  const release = header?.string(tags.release);
  if (header === undefined || name === undefined || version === undefined || release === undefined) return undefined;
  const epoch = header.integers(tags.epoch)?.[0];
  return {
    name,
    version: `${epoch === undefined ? '' : `${epoch}:`}${version}-${release}`,
    architecture: header.string(tags.architecture) ?? '',
    files: filesOf(header),
  };
}

function filesOf(header: RpmHeader): string[] {
  const names = header.strings(tags.baseNames) ?? [];
  const directories = header.strings(tags.directoryNames) ?? [];
  const indexes = header.integers(tags.directoryIndexes) ?? [];
  const paths: string[] = [];
  for (const [position, name] of names.entries()) {
    const directory = directories[indexes[position] ?? -1];
    if (directory !== undefined && directory.length + name.length <= maximumPath) {
      paths.push((directory + name).replace(/^\/+/, ''));
    }
  }
  return paths;
}

class RpmHeader {
  readonly #index: ReadonlyMap<number, IndexEntry>;
  readonly #data: Buffer;

  private constructor(index: ReadonlyMap<number, IndexEntry>, data: Buffer) {
    this.#index = index;
    this.#data = data;
  }

  static open(bytes: Uint8Array): RpmHeader | undefined {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (buffer.length < 8) return undefined;
    const [count, size] = [buffer.readUInt32BE(0), buffer.readUInt32BE(4)];
    const start = 8 + count * indexEntrySize;
    if (count > maximumTags || start + size > buffer.length) return undefined;
    const index = new Map<number, IndexEntry>();
    for (let position = 8; position < start; position += indexEntrySize) {
      const [tag, type] = [buffer.readUInt32BE(position), buffer.readUInt32BE(position + 4)];
      index.set(tag, { type, offset: buffer.readUInt32BE(position + 8), count: buffer.readUInt32BE(position + 12) });
    }
    return new RpmHeader(index, buffer.subarray(start, start + size));
  }

  string(tag: number): string | undefined {
    const entry = this.#index.get(tag);
    return entry?.type === stringType ? this.#texts(entry.offset, 1)?.[0] : undefined;
  }

  strings(tag: number): string[] | undefined {
    const entry = this.#index.get(tag);
    return entry?.type === stringArrayType ? this.#texts(entry.offset, entry.count) : undefined;
  }

  integers(tag: number): number[] | undefined {
    const entry = this.#index.get(tag);
    if (entry?.type !== int32Type || entry.offset + entry.count * 4 > this.#data.length) return undefined;
    return Array.from({ length: entry.count }, (_, index) => this.#data.readUInt32BE(entry.offset + index * 4));
  }

  /** `count` texts that each end with a NUL; undefined where the data end before. */
  #texts(offset: number, count: number): string[] | undefined {
    const texts: string[] = [];
    let start = offset;
    while (texts.length < count) {
      const end = this.#data.indexOf(0, start);
      if (start >= this.#data.length || end < 0) return undefined;
      texts.push(this.#data.toString('utf8', start, end));
      start = end + 1;
    }
    return texts;
  }
}
