// Content identifiers: https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#digests
// Only sha256 is accepted: every registry and every OSTree tool speaks it, and one algorithm leaves no choice to an attacker.
import { createHash } from 'node:crypto';
import { OciError } from './error.ts';

declare const digestBrand: unique symbol;

/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = string & { readonly [digestBrand]: 'Digest' };

const digestPattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return digestPattern.test(text);
}

/** @throws OciError DIGEST_MALFORMED */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new OciError(
    'DIGEST_MALFORMED',
    `${JSON.stringify(text.slice(0, 200))} is not a digest; write sha256: and 64 lower-case hexadecimal digits`,
  );
}

export function digestOf(bytes: Uint8Array): Digest {
  return parseDigest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
}

/** The hexadecimal part of a digest, which is safe as a file name. */
export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
