import { OstreeError } from '../error.ts';
import { array, byteArray, decodeNormal, string, tuple } from '../gvariant.ts';
import { compareNames } from './names.ts';

/** Extended attributes by name, such as `security.capability`. */
export type Xattrs = ReadonlyMap<string, Uint8Array>;

/** `a(ayay)`: names end with NUL and are sorted (ostree-core.h, OSTREE_FILEMETA/`_OSTREE_FILE_HEADER_GVARIANT_FORMAT`). */
export const xattrsCodec = array(tuple<[Uint8Array, Uint8Array]>(byteArray, byteArray));

export function xattrPairs(xattrs: Xattrs): [Uint8Array, Uint8Array][] {
  const names = [...xattrs.keys()].sort(compareNames);
  return names.map((name) => [Buffer.from(`${name}\0`, 'utf8'), xattrs.get(name) ?? new Uint8Array()]);
}

export function encodeXattrs(xattrs: Xattrs): Uint8Array {
  return xattrsCodec.encode(xattrPairs(xattrs));
}

/** @throws OstreeError OSTREE_OBJECT_INVALID */
export function decodeXattrs(bytes: Uint8Array): Xattrs {
  return xattrsOf(decodeNormal(xattrsCodec, bytes));
}

/** @throws OstreeError OSTREE_OBJECT_INVALID for names that are unordered, twice, or do not end with NUL */
export function xattrsOf(pairs: readonly (readonly [Uint8Array, Uint8Array])[]): Xattrs {
  const xattrs = new Map<string, Uint8Array>();
  let previous: string | undefined;
  for (const [rawName, value] of pairs) {
    const name = string.decode(rawName);
    if (name === '' || name.includes('\0') || (previous !== undefined && compareNames(previous, name) >= 0)) {
      throw new OstreeError('OSTREE_OBJECT_INVALID', `extended attributes name ${JSON.stringify(name)} out of order`);
    }
    previous = name;
    xattrs.set(name, value);
  }
  return xattrs;
}
