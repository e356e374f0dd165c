// Frames on the helper's socket: four bytes of length, big endian, one byte of kind, the body. The length is looked at
// before anything is kept: whoever sends a frame that is too long is cut off.
import { AgentError } from '../error.ts';

/** A rendered config has at most 1.5 MiB (api, maxConfigBytes); a host's state with its records less than this. */
export const maxMessageBytes = 8 * 1024 * 1024;
export const maxDataBytes = 256 * 1024;
const headBytes = 5;
const kinds = { message: 0, data: 1 } as const;

export type Frame =
  | { readonly kind: 'message'; readonly value: unknown }
  /** A piece of the stream that answers call `id`. */
  | { readonly kind: 'data'; readonly id: number; readonly bytes: Buffer };

export function messageFrame(value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  if (body.length > maxMessageBytes) throw badFrame(`a message of ${body.length} bytes`);
  return Buffer.concat([head(kinds.message, body.length), body]);
}

/** `bytes` of at most `maxDataBytes`. */
export function dataFrame(id: number, bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(id);
  return Buffer.concat([head(kinds.data, prefix.length + bytes.length), prefix, bytes]);
}

/** Frames out of a stream of bytes. Throws HELPER_REFUSED at the first that is none. */
export async function* readFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame, void, undefined> {
  let pending: Buffer[] = [];
  let available = 0;
  let wanted = headBytes;
  for await (const chunk of source) {
    pending.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    available += chunk.byteLength;
    while (available >= wanted) {
      const bytes = pending.length === 1 && pending[0] ? pending[0] : Buffer.concat(pending);
      const size = headBytes + bodyLength(bytes);
      wanted = size;
      if (available >= size) {
        yield parseFrame(bytes.subarray(0, size));
        available -= size;
        wanted = headBytes;
      }
      pending = [bytes.subarray(bytes.length - available)];
      if (wanted > available) break;
    }
  }
  if (available > 0) throw badFrame('half a frame');
}

function head(kind: number, length: number): Buffer {
  const bytes = Buffer.alloc(headBytes);
  bytes.writeUInt32BE(length);
  bytes.writeUInt8(kind, 4);
  return bytes;
}

function bodyLength(bytes: Buffer): number {
  const length = bytes.readUInt32BE(0);
  const kind = bytes.readUInt8(4);
  if (kind !== kinds.message && kind !== kinds.data) throw badFrame(`a frame of kind ${kind}`);
  const most = kind === kinds.message ? maxMessageBytes : maxDataBytes + 4;
  if (length > most) throw badFrame(`a frame of ${length} bytes`);
  return length;
}

function parseFrame(bytes: Buffer): Frame {
  const body = bytes.subarray(headBytes);
  if (bytes.readUInt8(4) === kinds.message) return { kind: 'message', value: parseJson(body) };
  if (body.length < 4) throw badFrame('a piece of no stream');
  return { kind: 'data', id: body.readUInt32BE(0), bytes: body.subarray(4) };
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw badFrame('a message that is not JSON in UTF-8', cause);
  }
}

function badFrame(what: string, cause?: unknown): AgentError {
  return new AgentError(
    'HELPER_REFUSED',
    `${what} came over the helper's socket; the connection was cut: install agent and helper of one version`,
    { cause },
  );
}
