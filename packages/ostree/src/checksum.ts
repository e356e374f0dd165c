import { hash } from 'node:crypto';
import { OstreeError } from './error.ts';

declare const checksumBrand: unique symbol;

/** The SHA-256 that names an OSTree object: 64 lower-case hexadecimal digits. */
export type OstreeChecksum = string & { readonly [checksumBrand]: 'OstreeChecksum' };

const checksumPattern = /^[0-9a-f]{64}$/;

export function isChecksum(text: string): text is OstreeChecksum {
  return checksumPattern.test(text);
}

/** @throws OstreeError OSTREE_OBJECT_INVALID */
export function parseChecksum(text: string): OstreeChecksum {
  if (isChecksum(text)) return text;
  throw new OstreeError(
    'OSTREE_OBJECT_INVALID',
    `${JSON.stringify(text.slice(0, 100))} is not an OSTree checksum; 64 lower-case hexadecimal digits were expected`,
  );
}

export function checksumOf(bytes: Uint8Array): OstreeChecksum {
  return parseChecksum(hash('sha256', bytes));
}

export function checksumToBytes(checksum: OstreeChecksum): Uint8Array {
  return Buffer.from(checksum, 'hex');
}

/** @throws OstreeError OSTREE_OBJECT_INVALID when there are not exactly 32 bytes */
export function checksumFromBytes(bytes: Uint8Array): OstreeChecksum {
  return parseChecksum(bytes.toHex());
}
