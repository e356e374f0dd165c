export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

/** What an archive says about one entry. Its path is as written there (UTF-8, no NUL, not empty): path rules are the consumer's. */
export interface TarEntryMetadata {
  path: string;
  type: TarEntryType;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content; 0 for all but files. */
  size: number;
  /** Seconds since 1970, with a fraction where the archive has one. */
  mtime: number;
  /** The target of a symlink, or the path in the archive that a hardlink means. */
  linkTarget?: string;
  xattrs: ReadonlyMap<string, Uint8Array>;
}

/** One entry of an archive with its content. */
export interface TarEntry extends TarEntryMetadata {
  /** Readable once, and only until the next entry is asked for; each chunk only until the next one is. */
  content: AsyncIterable<Uint8Array>;
}
