// The entries of a layer on their way into its tree: which are kept, where they lie, what they must not be.
import type { TarEntryMetadata } from '@varve/oci';
import type { OstreeChecksum } from './checksum.ts';
import { OstreeError } from './error.ts';
import { importPath, type PathRules } from './import-path.ts';
import { LayerTree } from './layer-tree.ts';
import { defaultDirectoryMetadata, encodeDirectoryMetadata } from './objects/dirmeta.ts';
import type { FileMetadata } from './objects/file.ts';
import type { Xattrs } from './objects/xattrs.ts';
import type { ObjectStaging } from './staging.ts';
import type { TreeDirectory } from './tree.ts';
import { whiteoutOf } from './whiteout.ts';

/**
 * Attributes that say something about the machine that built the image: labels of its policy, marks of its overlays.
 * ostree-ext leaves labels out as well.
 */
const foreignXattr = /^(?:security\.selinux|(?:trusted|user)\.overlay\..*)$/;

/** What symlink(2) takes (PATH_MAX without the final NUL). */
const maximumLinkBytes = 4095;

export class LayerBuilder {
  readonly #staging: ObjectStaging;
  readonly #rules: PathRules;
  readonly #tree: LayerTree;

  constructor(staging: ObjectStaging, rules: PathRules) {
    this.#staging = staging;
    this.#rules = rules;
    this.#tree = new LayerTree(staging.writeMetadata('dirmeta', encodeDirectoryMetadata(defaultDirectoryMetadata)));
  }

  get root(): TreeDirectory {
    return this.#tree.root;
  }

  /**
   * Adds an entry. `writeFile` gives the object of a regular file or of a symbolic link.
   * @throws OstreeError LAYER_NOT_IMPORTABLE
   */
  async add(entry: TarEntryMetadata, writeFile: (metadata: FileMetadata) => Promise<OstreeChecksum>): Promise<void> {
    const { path, kept } = importPath(entry.path, this.#rules);
    if (entry.type === 'directory') {
      if (kept) this.#addDirectory(path, entry);
      return;
    }
    if (entry.type === 'character' || entry.type === 'block' || entry.type === 'fifo') {
      if (kept) throw unimportable(entry, 'is a device or a pipe, which an image of an operating system cannot hold');
      return;
    }
    checkWhiteout(path, entry);
    const checksum = entry.type === 'hardlink' ? this.#linked(entry) : await writeFile(fileMetadata(entry));
    if (kept) this.#tree.addFile(path, checksum);
    else this.#tree.noteFile(path, checksum);
  }

  #addDirectory(path: string, { uid, gid, mode, xattrs }: TarEntryMetadata): void {
    const metadata = encodeDirectoryMetadata({ uid, gid, mode, xattrs: ownXattrs(xattrs) });
    this.#tree.addDirectory(path, this.#staging.writeMetadata('dirmeta', metadata));
  }

  #linked(entry: TarEntryMetadata): OstreeChecksum {
    const target = this.#tree.findFile(importPath(entry.linkTarget ?? '', this.#rules).path);
    if (target !== undefined) return target;
    throw unimportable(
      entry,
      `is a hard link to ${JSON.stringify(entry.linkTarget)}, which is not in the layer before it`,
    );
  }
}

/**
 * What the object of a file has besides its content.
 * @throws OstreeError LAYER_NOT_IMPORTABLE
 */
export function fileMetadata(entry: TarEntryMetadata): FileMetadata {
  const { uid, gid, mode, xattrs, type, linkTarget = '' } = entry;
  if (Buffer.byteLength(linkTarget) > maximumLinkBytes) {
    throw unimportable(entry, `is a symbolic link to a path of more than ${maximumLinkBytes} bytes`);
  }
  return { uid, gid, mode, xattrs: ownXattrs(xattrs), ...(type === 'symlink' && { linkTarget }) };
}

function checkWhiteout(path: string, entry: TarEntryMetadata): void {
  const whiteout = whiteoutOf(path.slice(path.lastIndexOf('/') + 1));
  if (whiteout === undefined) return;
  if (whiteout.kind === 'invalid' || entry.type === 'symlink') {
    throw unimportable(entry, 'begins with .wh. as a whiteout does, and is not a valid one');
  }
}

/** Without empty attributes too: libostree does not see them on files, and would find the checksum wrong. */
function ownXattrs(xattrs: Xattrs): Xattrs {
  if (xattrs.size === 0) return xattrs;
  return new Map([...xattrs].filter(([name, value]) => value.length > 0 && !foreignXattr.test(name)));
}

function unimportable(entry: TarEntryMetadata, why: string): OstreeError {
  const path = JSON.stringify(entry.path.slice(0, 300));
  return new OstreeError('LAYER_NOT_IMPORTABLE', `the layer's entry ${path} ${why}; build the image again without it`);
}
