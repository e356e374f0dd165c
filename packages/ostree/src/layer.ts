// One layer of an image becomes one commit, as ostree-ext makes it (lib/src/tar/write.rs): the layer's files as they are,
// whiteouts included. Layers are merged later, so that images can share them.
import type { Digest, TarEntry } from '@varve/oci';
import type { OstreeChecksum } from './checksum.ts';
import { OstreeError } from './error.ts';
import { importPath } from './import-path.ts';
import { LayerTree } from './layer-tree.ts';
import { encodeCommit, stringsVariant } from './objects/commit.ts';
import { defaultDirectoryMetadata, encodeDirectoryMetadata } from './objects/dirmeta.ts';
import type { Xattrs } from './objects/xattrs.ts';
import { layerRef } from './ref-name.ts';
import type { Repository } from './repository.ts';
import { ObjectStaging } from './staging.ts';
import { fileChecksums, implicitDirectories, implicitDirectoriesKey, type TreeDirectory, writeTree } from './tree.ts';
import { whiteoutOf } from './whiteout.ts';

/**
 * Attributes that say something about the machine that built the image: labels of its policy, marks of its overlays.
 * ostree-ext leaves labels out as well.
 */
const foreignXattr = /^(?:security\.selinux|(?:trusted|user)\.overlay\..*)$/;

/** What symlink(2) takes (PATH_MAX without the final NUL). */
const maximumLinkBytes = 4095;

/** A bound on the memory that a layer can take which has deep directories and no entries for them. */
const maximumImplicitBytes = 16 * 1024 * 1024;

/**
 * Imports a layer and names its commit by the layer's digest. Nothing of it can be seen before `entries` ended without an
 * error: that is when its digest is known to be right.
 * @throws OstreeError LAYER_NOT_IMPORTABLE, and what `entries` throws
 */
export async function importLayer(
  repository: Repository,
  digest: Digest,
  entries: AsyncIterable<TarEntry>,
  signal?: AbortSignal,
): Promise<OstreeChecksum> {
  await using staging = await ObjectStaging.open(repository, signal);
  const importer = new LayerImporter(staging);
  for await (const entry of entries) {
    signal?.throwIfAborted();
    await importer.add(entry);
  }
  const { root } = importer.tree;
  const commit = staging.writeMetadata(
    'commit',
    encodeCommit({
      metadata: new Map([[implicitDirectoriesKey, stringsVariant(listImplicitDirectories(root))]]),
      subject: '',
      body: '',
      // Not the time of the import: the same layer is the same commit on every host.
      timestamp: 0,
      tree: writeTree(staging, root),
      treeMetadata: root.metadata,
    }),
  );
  await staging.publish(fileChecksums(root));
  await repository.writeRef(layerRef(digest), commit);
  return commit;
}

class LayerImporter {
  readonly tree: LayerTree;
  readonly #staging: ObjectStaging;

  constructor(staging: ObjectStaging) {
    this.#staging = staging;
    this.tree = new LayerTree(staging.writeMetadata('dirmeta', encodeDirectoryMetadata(defaultDirectoryMetadata)));
  }

  async add(entry: TarEntry): Promise<void> {
    const { path, kept } = importPath(entry.path);
    if (entry.type === 'directory') {
      if (kept) this.#addDirectory(path, entry);
      return;
    }
    if (entry.type === 'character' || entry.type === 'block' || entry.type === 'fifo') {
      if (kept) throw unimportable(entry, 'is a device or a pipe, which an image of an operating system cannot hold');
      return;
    }
    checkWhiteout(path, entry);
    const checksum = entry.type === 'hardlink' ? this.#linked(entry) : await this.#write(entry);
    if (kept) this.tree.addFile(path, checksum);
    else this.tree.noteFile(path, checksum);
  }

  #addDirectory(path: string, { uid, gid, mode, xattrs }: TarEntry): void {
    const metadata = encodeDirectoryMetadata({ uid, gid, mode, xattrs: ownXattrs(xattrs) });
    this.tree.addDirectory(path, this.#staging.writeMetadata('dirmeta', metadata));
  }

  async #write(entry: TarEntry): Promise<OstreeChecksum> {
    const { uid, gid, mode, xattrs, size, content, type, linkTarget = '' } = entry;
    if (Buffer.byteLength(linkTarget) > maximumLinkBytes) {
      throw unimportable(entry, `is a symbolic link to a path of more than ${maximumLinkBytes} bytes`);
    }
    const metadata = { uid, gid, mode, xattrs: ownXattrs(xattrs), ...(type === 'symlink' && { linkTarget }) };
    return this.#staging.writeFile(metadata, size, content);
  }

  #linked(entry: TarEntry): OstreeChecksum {
    const target = this.tree.findFile(importPath(entry.linkTarget ?? '').path);
    if (target !== undefined) return target;
    throw unimportable(
      entry,
      `is a hard link to ${JSON.stringify(entry.linkTarget)}, which is not in the layer before it`,
    );
  }
}

function listImplicitDirectories(root: TreeDirectory): string[] {
  const paths: string[] = [];
  let bytes = 0;
  for (const path of implicitDirectories(root)) {
    bytes += Buffer.byteLength(path);
    if (bytes > maximumImplicitBytes) {
      throw new OstreeError(
        'LAYER_NOT_IMPORTABLE',
        'the layer has too many directories without entries of their own; build the image again with another tool',
      );
    }
    paths.push(path);
  }
  return paths;
}

function checkWhiteout(path: string, entry: TarEntry): void {
  const whiteout = whiteoutOf(path.slice(path.lastIndexOf('/') + 1));
  if (whiteout === undefined) return;
  if (whiteout.kind === 'invalid' || entry.type === 'symlink') {
    throw unimportable(entry, 'begins with .wh. as a whiteout does, and is not a valid one');
  }
}

/** Without empty attributes too: libostree does not see them on files, and would find the checksum wrong. */
function ownXattrs(xattrs: Xattrs): Xattrs {
  return new Map([...xattrs].filter(([name, value]) => value.length > 0 && !foreignXattr.test(name)));
}

function unimportable(entry: TarEntry, why: string): OstreeError {
  const path = JSON.stringify(entry.path.slice(0, 300));
  return new OstreeError('LAYER_NOT_IMPORTABLE', `the layer's entry ${path} ${why}; build the image again without it`);
}
