// Reading a layer that carries OSTree objects. Each object is held against its name, so that nothing else of the layer has to
// be trusted (lib/src/tar/import.rs of ostree-ext does the same).
import type { TarEntry } from '@varve/oci';
import { checksumOf, type OstreeChecksum } from '../checksum.ts';
import { OstreeError } from '../error.ts';
import { decodeCommit } from '../objects/commit.ts';
import { decodeDirectoryMetadata } from '../objects/dirmeta.ts';
import { decodeDirectoryTree } from '../objects/dirtree.ts';
import { decodeXattrs, type Xattrs } from '../objects/xattrs.ts';
import type { ObjectStaging } from '../staging.ts';
import { type EncapsulatedName, encapsulatedName, xattrsTarget } from './object-name.ts';

const maximumMetadataSize = 10 * 1024 * 1024;
const maximumXattrsSize = 1024 * 1024;
/** A bound on the memory that a hostile layer can take. */
const maximumXattrsTotal = 32 * 1024 * 1024;

export interface LayerObjects {
  readonly files: ReadonlySet<OstreeChecksum>;
  /** A commit is not written before all that it names is there. */
  readonly commits: ReadonlyMap<OstreeChecksum, Uint8Array>;
}

/**
 * Stages the objects of a layer; where there are many, the first ones are published already.
 * @throws OstreeError LAYER_NOT_IMPORTABLE, and what `entries` throws
 */
export async function readObjects(
  entries: AsyncIterable<TarEntry>,
  staging: ObjectStaging,
  signal: AbortSignal,
): Promise<LayerObjects> {
  const reader = new ObjectReader(staging);
  for await (const entry of entries) {
    signal.throwIfAborted();
    const name = encapsulatedName(entry.path);
    if (name === undefined || entry.type === 'directory') continue;
    await reader.add(name, entry);
    await staging.publishMany();
  }
  return reader;
}

class ObjectReader implements LayerObjects {
  readonly files = new Set<OstreeChecksum>();
  readonly commits = new Map<OstreeChecksum, Uint8Array>();
  readonly #staging: ObjectStaging;
  readonly #xattrs = new Map<OstreeChecksum, Xattrs>();
  #xattrsTotal = 0;
  /** What the link before a file says: whose attributes it has. */
  #link: { readonly file: OstreeChecksum; readonly xattrs: Xattrs } | undefined;

  constructor(staging: ObjectStaging) {
    this.#staging = staging;
  }

  async add(name: EncapsulatedName, entry: TarEntry): Promise<void> {
    switch (name.type) {
      case 'xattrs':
        return this.#addXattrs(name, entry);
      case 'xattrs-link':
        return this.#addLink(name, entry);
      case 'file':
        return this.#addFile(name, entry);
      case 'commit':
        this.#addCommit(name, await readVerified(name, entry, maximumMetadataSize));
        return;
      case 'dirtree':
      case 'dirmeta':
        return this.#addMetadata(name.type, await readVerified(name, entry, maximumMetadataSize));
    }
  }

  #addCommit({ checksum }: EncapsulatedName, bytes: Uint8Array): void {
    if (this.commits.size > 0) throw refused(checksum, 'is a second commit in one layer');
    decodeCommit(bytes);
    this.commits.set(checksum, bytes);
  }

  #addMetadata(type: 'dirtree' | 'dirmeta', bytes: Uint8Array): void {
    if (type === 'dirtree') decodeDirectoryTree(bytes);
    else decodeDirectoryMetadata(bytes);
    this.#staging.writeMetadata(type, bytes);
  }

  async #addXattrs(name: EncapsulatedName, entry: TarEntry): Promise<void> {
    const bytes = await readVerified(name, entry, maximumXattrsSize);
    this.#xattrsTotal += bytes.length;
    if (this.#xattrsTotal > maximumXattrsTotal) {
      throw refused(
        name.checksum,
        `brings the extended attributes of the layer to more than ${maximumXattrsTotal} bytes`,
      );
    }
    this.#xattrs.set(name.checksum, decodeXattrs(bytes));
  }

  #addLink({ checksum }: EncapsulatedName, entry: TarEntry): void {
    const target = xattrsTarget(entry.linkTarget ?? '');
    const xattrs = target && this.#xattrs.get(target);
    if (xattrs === undefined) throw refused(checksum, 'names extended attributes that are not in the layer before it');
    this.#link = { file: checksum, xattrs };
  }

  async #addFile({ checksum }: EncapsulatedName, entry: TarEntry): Promise<void> {
    const { type, uid, gid, mode, size, content, linkTarget = '' } = entry;
    if (type !== 'file' && type !== 'symlink') throw refused(checksum, `is neither a file nor a symbolic link`);
    if (this.#link?.file !== checksum) throw refused(checksum, 'has no extended attributes before it');
    const { xattrs } = this.#link;
    this.#link = undefined;
    const metadata = { uid, gid, mode, xattrs, ...(type === 'symlink' && { linkTarget }) };
    const written = await this.#staging.writeFile(metadata, size, content);
    if (written.checksum !== checksum) throw refused(checksum, `is another object, ${written.checksum}`);
    this.files.add(checksum);
  }
}

async function readVerified({ checksum }: EncapsulatedName, entry: TarEntry, maximum: number): Promise<Uint8Array> {
  if (entry.type !== 'file') throw refused(checksum, 'is not a regular file in the archive');
  if (entry.size > maximum) throw refused(checksum, `has ${entry.size} bytes, and ${maximum} are the most`);
  const bytes = Buffer.alloc(entry.size);
  let length = 0;
  for await (const chunk of entry.content) {
    bytes.set(chunk, length);
    length += chunk.length;
  }
  if (checksumOf(bytes) !== checksum) throw refused(checksum, 'is not what its name says');
  return bytes;
}

function refused(checksum: OstreeChecksum, why: string): OstreeError {
  return new OstreeError(
    'LAYER_NOT_IMPORTABLE',
    `the layer's object ${checksum} ${why}; build and push the image again`,
  );
}
