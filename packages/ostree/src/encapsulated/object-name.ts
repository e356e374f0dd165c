// How objects are named inside of a layer: lib/src/tar/export.rs of ostree-ext (`object_path`, `xattrs_path`).
import { type OstreeChecksum, parseChecksum } from '../checksum.ts';

export type EncapsulatedType = 'commit' | 'dirtree' | 'dirmeta' | 'file' | 'xattrs' | 'xattrs-link';

export interface EncapsulatedName {
  readonly type: EncapsulatedType;
  readonly checksum: OstreeChecksum;
}

const types: ReadonlyMap<string, EncapsulatedType> = new Map<string, EncapsulatedType>([
  ['commit', 'commit'],
  ['dirtree', 'dirtree'],
  ['dirmeta', 'dirmeta'],
  ['file', 'file'],
  ['file-xattrs', 'xattrs'],
  ['file-xattrs-link', 'xattrs-link'],
  // The first version of the format.
  ['file.xattrs', 'xattrs-link'],
]);

/** The object that an entry's path names; undefined for what is there only for containers. */
export function encapsulatedName(path: string): EncapsulatedName | undefined {
  const inRepository = /^(?:\.?\/)?sysroot\/ostree\/repo\/(.*)$/.exec(path)?.[1] ?? '';
  const [, oldXattrs] = /^xattrs\/([0-9a-f]{64})$/.exec(inRepository) ?? [];
  if (oldXattrs !== undefined) return { type: 'xattrs', checksum: parseChecksum(oldXattrs) };
  const [, head, rest, extension = ''] =
    /^objects\/([0-9a-f]{2})\/([0-9a-f]{62})\.([a-z.-]+)$/.exec(inRepository) ?? [];
  const type = types.get(extension);
  if (head === undefined || rest === undefined || type === undefined) return undefined;
  return { type, checksum: parseChecksum(head + rest) };
}

/** The extended attributes that a link means, by its target. */
export function xattrsTarget(target: string): OstreeChecksum | undefined {
  const [, old, head, rest] =
    /\/(?:xattrs\/([0-9a-f]{64})|([0-9a-f]{2})\/([0-9a-f]{62})\.file-xattrs)$/.exec(`/${target}`) ?? [];
  if (old !== undefined) return parseChecksum(old);
  return head === undefined || rest === undefined ? undefined : parseChecksum(head + rest);
}
