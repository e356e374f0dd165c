// GVariant serialisation, as far as OSTree's objects need it: https://docs.gtk.org/glib/gvariant-format.html ("GVariant
// Specification 1.0", section 2.3 Serialisation Format). Only normal form is accepted: bytes that would not be written
// exactly so again are refused, so that a checksum and a value always belong to each other.
import { OstreeError } from './error.ts';

/** How values of one GVariant type become bytes and back. */
export interface Codec<T> {
  /** GVariant type string. */
  readonly type: string;
  readonly alignment: number;
  /** Bytes of every value, or undefined when they differ. */
  readonly fixedSize: number | undefined;
  encode(value: T): Uint8Array;
  /** Lenient about normal form; `decodeNormal` is not. */
  decode(bytes: Uint8Array): T;
}

/** A value together with its type, not yet decoded. */
export interface Variant {
  readonly type: string;
  readonly bytes: Uint8Array;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const maximumSize = 128 * 1024 * 1024;

/** `u`, stored big-endian: OSTree swaps the bytes of every integer in its objects (ostree-core.h). */
export const uint32BigEndian: Codec<number> = {
  type: 'u',
  alignment: 4,
  fixedSize: 4,
  encode(value) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  },
  decode(bytes) {
    return viewOf(sized(bytes, 4)).getUint32(0);
  },
};

/** `t`, stored big-endian; values above 2^53 are refused. */
export const uint64BigEndian: Codec<number> = {
  type: 't',
  alignment: 8,
  fixedSize: 8,
  encode(value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(value));
    return bytes;
  },
  decode(bytes) {
    const value = Number(viewOf(sized(bytes, 8)).getBigUint64(0));
    if (!Number.isSafeInteger(value)) throw invalid(`the number ${value} is too large`);
    return value;
  },
};

export const string: Codec<string> = {
  type: 's',
  alignment: 1,
  fixedSize: undefined,
  encode(value) {
    if (value.includes('\0')) throw invalid('a string holds a NUL character');
    return Buffer.from(`${value}\0`, 'utf8');
  },
  decode(bytes) {
    if (bytes.at(-1) !== 0) throw invalid('a string does not end with NUL');
    return decodeUtf8(bytes.subarray(0, -1));
  },
};

export const byteArray: Codec<Uint8Array> = {
  type: 'ay',
  alignment: 1,
  fixedSize: undefined,
  encode: (value) => value,
  decode: (bytes) => bytes,
};

export const variant: Codec<Variant> = {
  type: 'v',
  alignment: 8,
  fixedSize: undefined,
  encode: (value) => Buffer.concat([value.bytes, Buffer.from(`\0${value.type}`, 'latin1')]),
  decode(bytes) {
    const separator = bytes.lastIndexOf(0);
    const type = Buffer.from(bytes.subarray(separator + 1)).toString('latin1');
    if (separator < 0 || !/^[a-z(){}*?]+$/.test(type)) throw invalid('a variant has no type');
    return { type, bytes: bytes.subarray(0, separator) };
  },
};

/** An array of values of variable size. */
export function array<T>(element: Codec<T>): Codec<T[]> {
  return {
    type: `a${element.type}`,
    alignment: element.alignment,
    fixedSize: undefined,
    encode(values) {
      const body = new Body();
      const ends = values.map((value) => body.append(element.encode(value), element.alignment));
      return body.finish(ends);
    },
    decode(bytes) {
      if (bytes.length === 0) return [];
      const width = offsetWidth(bytes.length);
      const bodyEnd = readOffset(bytes, bytes.length - width, width);
      const count = (bytes.length - bodyEnd) / width;
      if (!Number.isInteger(count)) throw invalid('an array has a broken table of offsets');
      const values: T[] = [];
      let start = 0;
      for (let index = 0; index < count; index++) {
        const end = readOffset(bytes, bodyEnd + index * width, width);
        values.push(element.decode(slice(bytes, align(start, element.alignment), Math.min(end, bodyEnd))));
        start = end;
      }
      return values;
    },
  };
}

/** A tuple or dictionary entry with at least one member of variable size. */
export function tuple<T extends readonly unknown[]>(...members: { [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const alignment = Math.max(...members.map((member) => member.alignment));
  const isFramed = (index: number) => index < members.length - 1 && members[index]?.fixedSize === undefined;
  return {
    type: `(${members.map(({ type }) => type).join('')})`,
    alignment,
    fixedSize: undefined,
    encode(values) {
      const body = new Body();
      const ends: number[] = [];
      for (const [index, member] of members.entries()) {
        const end = body.append(member.encode(values[index]), member.alignment);
        if (isFramed(index)) ends.unshift(end);
      }
      return body.finish(ends);
    },
    decode(bytes) {
      const width = offsetWidth(bytes.length);
      const values: unknown[] = [];
      let position = 0;
      let table = bytes.length;
      const framed = members.filter((_, index) => isFramed(index)).length;
      for (const [index, member] of members.entries()) {
        const start = align(position, member.alignment);
        if (isFramed(index)) table -= width;
        if (member.fixedSize !== undefined) position = start + member.fixedSize;
        else position = isFramed(index) ? readOffset(bytes, table, width) : bytes.length - framed * width;
        values.push(member.decode(slice(bytes, start, position)));
      }
      // The loop above gives exactly one value per member, in order: TypeScript cannot follow a mapped tuple that far.
      return values as unknown as T;
    },
  };
}

/**
 * Decodes bytes that are in normal form.
 * @throws OstreeError OSTREE_OBJECT_INVALID
 */
export function decodeNormal<T>(codec: Codec<T>, bytes: Uint8Array): T {
  if (bytes.length > maximumSize) throw invalid(`${bytes.length} bytes are too many`);
  const value = codec.decode(bytes);
  assertNormal(bytes, codec.encode(value));
  return value;
}

/**
 * Refuses bytes that differ from what their value is written as.
 * @throws OstreeError OSTREE_OBJECT_INVALID
 */
export function assertNormal(bytes: Uint8Array, written: Uint8Array): void {
  if (Buffer.compare(written, bytes) !== 0) throw invalid('the bytes are not in normal form');
}

/** A container's members, which are padded already, followed by the offsets of their ends (section 2.3.6 Framing Offsets). */
export function withOffsets(members: readonly Uint8Array[], offsets: readonly number[]): Uint8Array {
  let size = 0;
  for (const { length } of members) size += length;
  const width = widthForOffsets(size, offsets.length);
  const bytes = Buffer.alloc(size + offsets.length * width);
  let position = 0;
  for (const member of members) {
    bytes.set(member, position);
    position += member.length;
  }
  for (const offset of offsets) position = bytes.writeUIntLE(offset, position, width);
  return bytes;
}

/** How many bytes each of `count` framing offsets takes behind members of `size` bytes. */
export function widthForOffsets(size: number, count: number): number {
  if (size + count < 2 ** 8) return 1;
  if (size + count * 2 < 2 ** 16) return 2;
  if (size + count * 4 < 2 ** 32) return 4;
  throw invalid('the value is larger than 4 GiB');
}

export function toVariant<T>(codec: Codec<T>, value: T): Variant {
  return { type: codec.type, bytes: codec.encode(value) };
}

/** The value of a variant, or undefined when it has another type. */
export function fromVariant<T>(codec: Codec<T>, value: Variant | undefined): T | undefined {
  return value?.type === codec.type ? decodeNormal(codec, value.bytes) : undefined;
}

/** The members of a container, each padded to its alignment, followed by the end offsets. */
class Body {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  append(bytes: Uint8Array, alignment: number): number {
    const start = align(this.#length, alignment);
    if (start > this.#length) this.#parts.push(new Uint8Array(start - this.#length));
    this.#parts.push(bytes);
    this.#length = start + bytes.length;
    return this.#length;
  }

  finish(offsets: readonly number[]): Uint8Array {
    return withOffsets(this.#parts, offsets);
  }
}

/** How many bytes each framing offset of a container of `length` bytes has. */
export function offsetWidth(length: number): number {
  if (length < 2 ** 8) return 1;
  return length < 2 ** 16 ? 2 : 4;
}

/** @throws OstreeError OSTREE_OBJECT_INVALID */
export function readOffset(bytes: Uint8Array, position: number, width: number): number {
  if (position < 0) throw invalid('an offset is missing');
  if (position + width > bytes.length) throw invalid('a value is cut short');
  let offset = 0;
  for (let index = width - 1; index >= 0; index--) offset = offset * 256 + (bytes[position + index] ?? 0);
  if (offset > bytes.length) throw invalid('an offset points behind the end');
  return offset;
}

function align(position: number, alignment: number): number {
  return Math.ceil(position / alignment) * alignment;
}

function slice(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (start > end || end > bytes.length) throw invalid('a value is cut short');
  return bytes.subarray(start, end);
}

function sized(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.length !== size) throw invalid(`${bytes.length} bytes where ${size} were expected`);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @throws OstreeError OSTREE_OBJECT_INVALID */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
    // What is not UTF-8 becomes U+FFFD. The strict decoder takes three times as long.
    return text.includes('\ufffd') ? utf8.decode(bytes) : text;
  } catch (cause) {
    throw invalid('a string is not UTF-8', cause);
  }
}

export function invalid(why: string, cause?: unknown): OstreeError {
  return new OstreeError(
    'OSTREE_OBJECT_INVALID',
    `not a valid OSTree object: ${why}; run ostree fsck on the repository it came from`,
    { cause },
  );
}
