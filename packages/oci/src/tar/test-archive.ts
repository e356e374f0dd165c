// For tests: archives byte by byte, with every field as wrong as a test wants it.
import { blockSize } from './header.ts';

export interface TestHeader {
  path?: string | Uint8Array;
  type?: string;
  mode?: string;
  uid?: string | Uint8Array;
  gid?: string;
  /** As written to the header; the content's length if absent. */
  size?: string | Uint8Array;
  mtime?: string;
  link?: string;
  magic?: string;
  prefix?: string;
  checksum?: string;
  content?: string | Uint8Array;
}

/** A header block with its content, padded. */
export function entry(header: TestHeader): Buffer {
  const content = Buffer.from(header.content ?? '');
  const block = Buffer.alloc(blockSize);
  const set = (offset: number, value: string | Uint8Array): unknown => block.set(Buffer.from(value), offset);
  set(0, header.path ?? 'file');
  set(100, header.mode ?? '0000644\0');
  set(108, header.uid ?? '0000000\0');
  set(116, header.gid ?? '0000000\0');
  set(124, header.size ?? `${content.length.toString(8).padStart(11, '0')}\0`);
  set(136, header.mtime ?? '00000000000\0');
  set(156, header.type ?? '0');
  set(157, header.link ?? '');
  set(257, header.magic ?? 'ustar\x0000');
  set(345, header.prefix ?? '');
  set(148, '        ');
  let sum = 0;
  for (const byte of block) sum += byte;
  set(148, header.checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `);
  return Buffer.concat([block, content, Buffer.alloc((blockSize - (content.length % blockSize)) % blockSize)]);
}

/** An extended header of records; values may be binary. */
export function pax(records: Record<string, string | Uint8Array>, type = 'x'): Buffer {
  return entry({ path: 'PaxHeaders/x', type, content: Buffer.concat(Object.entries(records).map(paxRecord)) });
}

function paxRecord([key, value]: [string, string | Uint8Array]): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = body.length + 1;
  while (length !== body.length + String(length).length) length = body.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

export function archive(...parts: Uint8Array[]): Buffer {
  return Buffer.concat([...parts, Buffer.alloc(2 * blockSize)]);
}

export async function* inChunks(bytes: Uint8Array, size = 777): AsyncGenerator<Uint8Array, void, undefined> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
