import { createHash } from 'node:crypto';
import type { Digest } from './digest.ts';
import { OciError } from './error.ts';

/** What content must be; without a size only the digest counts. */
export interface ExpectedContent {
  digest: Digest;
  size?: number;
}

/**
 * Passes content on and checks it on the way: a consumer may use what it got only after the end came without an error.
 * `what` names the content in messages.
 * @throws OciError SIZE_MISMATCH as soon as there is too much, or at the end; DIGEST_MISMATCH at the end
 */
export async function* verifyContent(
  source: AsyncIterable<Uint8Array>,
  expected: ExpectedContent,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (expected.size !== undefined && size > expected.size) throw sizeMismatch(expected.size, `more than that`, what);
    hash.update(chunk);
    yield chunk;
  }
  if (expected.size !== undefined && size !== expected.size) throw sizeMismatch(expected.size, `${size}`, what);
  verifyDigest(hash.digest('hex'), { digest: expected.digest, what });
}

/**
 * Holds the SHA-256 of all bytes of a content, in hexadecimal digits, against its digest.
 * @throws OciError DIGEST_MISMATCH
 */
export function verifyDigest(sha256: string, { digest, what }: { digest: Digest; what: string }): void {
  if (`sha256:${sha256}` === digest) return;
  throw new OciError(
    'DIGEST_MISMATCH',
    `${what} should be ${digest} and is sha256:${sha256}: it was damaged or exchanged; try again, then push the image again`,
  );
}

function sizeMismatch(expected: number, actual: string, what: string): OciError {
  return new OciError('SIZE_MISMATCH', `${what} should have ${expected} bytes and has ${actual}; push the image again`);
}
