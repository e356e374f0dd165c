// Several ranges of a file in one answer: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.3.7.2
import type { FileHandle } from 'node:fs/promises';
import type { ByteRange } from './range.ts';

const readSize = 256 * 1024;

export interface Multipart {
  boundary: string;
  ranges: readonly ByteRange[];
  /** Of the whole file. */
  size: number;
}

/** Bytes of the whole answer. */
export function multipartLength(multipart: Multipart): number {
  let length = closing(multipart).length;
  for (const [index, range] of multipart.ranges.entries()) {
    length += opening(multipart, index).length + range.end - range.start + 1;
  }
  return length;
}

/** The answer as a stream; closes the file. */
export async function* multipartBody(
  file: FileHandle,
  multipart: Multipart,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (const [index, { start, end }] of multipart.ranges.entries()) {
      let head = opening(multipart, index);
      for (let position = start; position <= end; ) {
        const length = Math.min(readSize, end - position + 1);
        const chunk = Buffer.alloc(head.length + length);
        chunk.set(head);
        const { bytesRead } = await file.read(chunk, head.length, length, position);
        if (bytesRead === 0) throw new Error('a blob is shorter than it was');
        yield chunk.subarray(0, head.length + bytesRead);
        position += bytesRead;
        head = Buffer.alloc(0);
      }
    }
    yield closing(multipart);
  } finally {
    await file.close();
  }
}

function opening({ boundary, ranges, size }: Multipart, index: number): Buffer {
  const range = ranges[index];
  if (range === undefined) throw new RangeError(`there is no range ${index}`);
  const lines = [
    `${index === 0 ? '' : '\r\n'}--${boundary}`,
    'Content-Type: application/octet-stream',
    `Content-Range: bytes ${range.start}-${range.end}/${size}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}

function closing({ boundary }: Multipart): Buffer {
  return Buffer.from(`\r\n--${boundary}--\r\n`);
}
