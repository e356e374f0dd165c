// Entries as the table of contents has them: FileMetadata in
// https://github.com/containers/storage/blob/main/pkg/chunked/internal/minimal/compression.go
import type { Digest } from '../digest.ts';
import type { TarEntryMetadata, TarEntryType } from '../tar/entry.ts';
import type { HeaderDetails } from './header-details.ts';

const typeNames: Record<TarEntryType, string> = {
  directory: 'dir',
  file: 'reg',
  symlink: 'symlink',
  hardlink: 'hardlink',
  character: 'char',
  block: 'block',
  fifo: 'fifo',
};

/** Where a file's content is: one frame. */
export interface WrittenContent {
  digest: Digest;
  offset: number;
  endOffset: number;
}

/** Zeros and empty texts are left out, as Go's writers do. */
export function formatTocEntry(
  entry: TarEntryMetadata,
  details: HeaderDetails,
  content: WrittenContent | undefined,
): string {
  const xattrs = [...entry.xattrs].map(([name, value]): [string, string] => [
    name,
    Buffer.from(value).toString('base64'),
  ]);
  const fields = {
    type: typeNames[entry.type],
    name: entry.path,
    linkName: entry.linkTarget,
    mode: details.mode,
    size: details.size,
    uid: entry.uid,
    gid: entry.gid,
    modtime: details.modified,
    accesstime: details.accessed,
    changetime: details.changed,
    devMajor: details.deviceMajor,
    devMinor: details.deviceMinor,
    xattrs: xattrs.length === 0 ? undefined : Object.fromEntries(xattrs),
    ...content,
  };
  return JSON.stringify(fields, (_key, value: unknown) => (value === 0 ? undefined : value));
}
