// Lines of UTF-8 text out of a stream of bytes.
import { KubeError } from './error.ts';

const newline = 0x0a;

/**
 * The complete lines of `chunks`, without their ends. MALFORMED_RESPONSE when a line has more than `maxLength` bytes,
 * UNREACHABLE when the stream ends inside a line: the sender died in the middle of a word.
 */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, maxLength: number): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      pieces.push(chunk.subarray(start, end));
      yield decoder.decode(Buffer.concat(pieces));
      pieces = [];
      length = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    pieces.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > maxLength)
      throw new KubeError('MALFORMED_RESPONSE', `A line of the stream exceeds ${maxLength} bytes.`);
  }
  if (length > 0) throw new KubeError('UNREACHABLE', 'The stream broke off inside a line.');
}
