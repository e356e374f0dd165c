// Checksums of rows: CRC-32 over the key and the text, so that a text under another key does not pass either.
import { crc32 } from 'node:zlib';
import type { Change, ObjectKey } from './change.ts';

export function checksumOfObject(key: ObjectKey, json: Uint8Array): number {
  return crc32(json, checksumOfKey(key));
}

export function checksumOfChange({ revision, key, type, current, previous }: Change): number {
  const sum = crc32(current.bytes, crc32(`${revision} ${type}\n`, checksumOfKey(key)));
  return previous === undefined ? sum : crc32(previous.bytes, sum);
}

function checksumOfKey({ resource, namespace, name }: ObjectKey): number {
  return crc32(`${resource}/${namespace}/${name}\n`);
}
