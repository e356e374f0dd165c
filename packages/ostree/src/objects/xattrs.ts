import { array, byteArray, tuple } from '../gvariant.ts';
import { compareNames } from './names.ts';

/** Extended attributes by name, such as `security.capability`. */
export type Xattrs = ReadonlyMap<string, Uint8Array>;

/** `a(ayay)`: names end with NUL and are sorted (ostree-core.h, OSTREE_FILEMETA/`_OSTREE_FILE_HEADER_GVARIANT_FORMAT`). */
export const xattrsCodec = array(tuple<[Uint8Array, Uint8Array]>(byteArray, byteArray));

export function xattrPairs(xattrs: Xattrs): [Uint8Array, Uint8Array][] {
  const names = [...xattrs.keys()].sort(compareNames);
  return names.map((name) => [Buffer.from(`${name}\0`, 'utf8'), xattrs.get(name) ?? new Uint8Array()]);
}
