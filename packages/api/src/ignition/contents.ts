// The contents of a managed file: a data URL (RFC 2397) inside the config, or an http(s) URL with the hash of what it
// serves. The hash is of the decompressed bytes (coreos/ignition docs/configuration-v3_5.md, verification.hash).
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { ApiError } from '../error.ts';
import type { IgnitionContents } from './schema.ts';

/** Largest managed file, decompressed: a config is for configuration, and a few bytes of gzip can hold gigabytes. */
export const maxContentsBytes = 64 * 1024 * 1024;

export type ContentsSource =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'remote'; readonly url: string };

/**
 * What a file's `contents` say: the final bytes, or where to fetch the raw ones. Pass fetched bytes to `finishContents`.
 * Absent contents are an empty file. Throws CONTENTS_INVALID.
 */
export function readContents(contents: IgnitionContents | undefined): ContentsSource {
  const source = contents?.source ?? '';
  if (/^https?:\/\//i.test(source)) {
    if (!URL.canParse(source)) throw invalid('source is no valid URL');
    if (!contents?.verification?.hash) {
      throw invalid('source is remote, so verification.hash is required: a config is named by its content');
    }
    parseHash(contents.verification.hash);
    return { kind: 'remote', url: source };
  }
  if (source !== '' && !/^data:/i.test(source)) throw invalid('source is neither a data: nor an http(s): URL');
  const raw = source === '' ? new Uint8Array() : decodeDataUrl(source);
  return { kind: 'inline', bytes: source === '' ? raw : finishContents(raw, contents ?? {}) };
}

/** Decompresses and verifies the raw bytes of a source. Throws CONTENTS_INVALID. */
export function finishContents(raw: Uint8Array, contents: IgnitionContents): Uint8Array {
  const bytes = contents.compression === 'gzip' ? gunzip(raw) : raw;
  if (bytes.byteLength > maxContentsBytes) throw invalid(`are larger than ${maxContentsBytes} bytes`);
  const expected = contents.verification?.hash;
  if (expected) {
    const { algorithm, value } = parseHash(expected);
    const actual = createHash(algorithm).update(bytes).digest('hex');
    if (actual !== value) throw invalid(`have hash ${algorithm}-${actual}, but verification.hash says ${expected}`);
  }
  return bytes;
}

/** RFC 2397: `data:[type][;attribute=value]*[;base64],data`; both encodings may hold percent escapes. */
export function decodeDataUrl(url: string): Uint8Array {
  const comma = url.indexOf(',');
  if (!/^data:/i.test(url) || comma < 0) throw invalid('source is no data URL: it has no comma before the data');
  const bytes = decodePercent(url.slice(comma + 1));
  if (!/;\s*base64$/i.test(url.slice(0, comma))) return bytes;
  const text = Buffer.from(bytes)
    .toString('latin1')
    .replace(/[\r\n]/g, '');
  const digits = text.replace(/={0,2}$/, '');
  if (!/^[A-Za-z0-9+/]*$/.test(digits) || digits.length % 4 === 1) throw invalid('source is no valid base64');
  return new Uint8Array(Buffer.from(digits, 'base64'));
}

/** Escapes give bytes, not characters, so decodeURIComponent (which insists on UTF-8) does not serve. */
function decodePercent(text: string): Uint8Array {
  const source = Buffer.from(text, 'utf8');
  const result = Buffer.alloc(source.length);
  let length = 0;
  for (let index = 0; index < source.length; index++) {
    let byte = source[index] ?? 0;
    if (byte === 0x25) {
      const digits = source.subarray(index + 1, index + 3).toString('latin1');
      if (!/^[0-9a-fA-F]{2}$/.test(digits)) throw invalid(`source has "%${digits}", which is no percent escape`);
      byte = Number.parseInt(digits, 16);
      index += 2;
    }
    result[length++] = byte;
  }
  return new Uint8Array(result.subarray(0, length));
}

function gunzip(raw: Uint8Array): Uint8Array {
  try {
    return new Uint8Array(gunzipSync(raw, { maxOutputLength: maxContentsBytes }));
  } catch (cause) {
    throw invalid(`are no valid gzip of at most ${maxContentsBytes} bytes`, cause);
  }
}

function parseHash(hash: string): { algorithm: 'sha256' | 'sha512'; value: string } {
  const match = /^(?:(sha256)-([0-9a-f]{64})|(sha512)-([0-9a-f]{128}))$/.exec(hash);
  if (match?.[1] === 'sha256' && match[2]) return { algorithm: 'sha256', value: match[2] };
  if (match?.[3] === 'sha512' && match[4]) return { algorithm: 'sha512', value: match[4] };
  throw invalid('verification.hash must be sha256- or sha512- and the hash in lower-case hexadecimal');
}

function invalid(problem: string, cause?: unknown): ApiError {
  return new ApiError('CONTENTS_INVALID', `contents: ${problem}`, { cause });
}
