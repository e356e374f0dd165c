// The tree of one layer while its entries come in.
import type { OstreeChecksum } from './checksum.ts';
import { OstreeError } from './error.ts';
import { nodeAt, type TreeDirectory } from './tree.ts';

interface GrowingDirectory {
  type: 'directory';
  metadata: OstreeChecksum;
  implicit: boolean;
  readonly hasNoWhiteouts: false;
  entries: Map<string, GrowingNode>;
}

type GrowingNode = GrowingDirectory | { type: 'file'; checksum: OstreeChecksum };

/** Far more than any operating system has; a bound on the memory that a hostile layer can take. */
const maximumEntries = 4_000_000;

export class LayerTree {
  readonly #root: GrowingDirectory;
  readonly #defaultMetadata: OstreeChecksum;
  /** Files outside the tree, which a hard link may mean. */
  readonly #outside = new Map<string, OstreeChecksum>();
  /** Where the last entry was: the next one most often is there as well. */
  #lastParent: { path: string; directory: GrowingDirectory } | undefined;
  #count = 0;

  /** `defaultMetadata` is what directories get that have no entry of their own. */
  constructor(defaultMetadata: OstreeChecksum) {
    this.#defaultMetadata = defaultMetadata;
    this.#root = this.#newDirectory();
  }

  get root(): TreeDirectory {
    return this.#root;
  }

  /** Adds a directory, or gives the one that is there other metadata, as `tar` does. */
  addDirectory(path: string, metadata: OstreeChecksum): void {
    const directory = path === '' ? this.#root : this.#child(this.#parent(path), lastPart(path));
    directory.metadata = metadata;
    directory.implicit = false;
  }

  /** Adds a file; of two entries with one path, the last one counts, as for `tar`. */
  addFile(path: string, checksum: OstreeChecksum): void {
    if (path === '') throw unimportable(path, 'is the root and not a directory');
    this.#countEntry();
    const { entries } = this.#parent(path);
    const name = lastPart(path);
    // The last parent may lie in the directory that the file replaces.
    if (entries.get(name)?.type === 'directory') this.#lastParent = undefined;
    entries.set(name, { type: 'file', checksum });
  }

  /** Notes a file that is not part of the tree, but that a hard link may mean. */
  noteFile(path: string, checksum: OstreeChecksum): void {
    this.#countEntry();
    this.#outside.set(path, checksum);
  }

  /** The file that has this path at present, part of the tree or not. */
  findFile(path: string): OstreeChecksum | undefined {
    const node = nodeAt(this.#root, path);
    return node?.type === 'file' ? node.checksum : this.#outside.get(path);
  }

  #parent(path: string): GrowingDirectory {
    const parentPath = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (this.#lastParent?.path === parentPath) return this.#lastParent.directory;
    let directory = this.#root;
    for (const part of parentPath === '' ? [] : parentPath.split('/')) {
      const child = directory.entries.get(part);
      if (child?.type === 'file')
        throw unimportable(path, `lies below ${JSON.stringify(part)}, which is not a directory`);
      directory = child ?? this.#child(directory, part);
    }
    this.#lastParent = { path: parentPath, directory };
    return directory;
  }

  #child(parent: GrowingDirectory, name: string): GrowingDirectory {
    const present = parent.entries.get(name);
    if (present?.type === 'directory') return present;
    this.#countEntry();
    const directory = this.#newDirectory();
    parent.entries.set(name, directory);
    return directory;
  }

  #newDirectory(): GrowingDirectory {
    return {
      type: 'directory',
      metadata: this.#defaultMetadata,
      implicit: true,
      hasNoWhiteouts: false,
      entries: new Map(),
    };
  }

  #countEntry(): void {
    this.#count++;
    if (this.#count > maximumEntries) {
      throw new OstreeError(
        'LAYER_NOT_IMPORTABLE',
        `the layer has more than ${maximumEntries} entries; split the image`,
      );
    }
  }
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function unimportable(path: string, why: string): OstreeError {
  return new OstreeError(
    'LAYER_NOT_IMPORTABLE',
    `the layer's entry ${JSON.stringify(path)} ${why}; build the image again`,
  );
}
