// Checksums of rows: CRC-32 over the key and the text, so that a text under another key does not pass either.
import { crc32 } from 'node:zlib';
import type { Change, ObjectKey } from './change.ts';

export function checksumOfObject(key: ObjectKey, text: string): number {
  return crc32(text, crc32(`${key.resource}/${key.namespace}/${key.name}\n`));
}

export function checksumOfChange({ revision, key, type, current, previous }: Change): number {
  const sum = checksumOfObject(key, `${revision} ${type}\n${current.text}`);
  return previous === undefined ? sum : crc32(previous.text, sum);
}
