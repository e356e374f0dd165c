// An OSTree repository on the local file system: objects by checksum, refs by name.
// Layout: https://ostreedev.github.io/ostree/repo/ and ostree.repo-config(5).
import { lstatSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { checksumOf, type OstreeChecksum, parseChecksum } from './checksum.ts';
import { runCommand } from './command.ts';
import { OstreeError } from './error.ts';
import { type Commit, decodeCommit } from './objects/commit.ts';
import { type DirectoryTree, readDirectoryTree } from './objects/dirtree.ts';
import { openArchiveFile, openBareFile, type StoredFile } from './stored-file.ts';
import { syncPaths } from './sync.ts';
import { removeTemporary, temporaryPath } from './temporary.ts';

export type RepositoryMode = 'bare' | 'bare-user' | 'archive';
export type ObjectType = 'file' | 'dirtree' | 'dirmeta' | 'commit';

export class Repository {
  readonly path: string;
  readonly mode: RepositoryMode;
  #publishing: Promise<unknown> = Promise.resolve();

  private constructor(path: string, mode: RepositoryMode) {
    this.path = path;
    this.mode = mode;
  }

  /** @throws OstreeError REPOSITORY_INVALID when there is no repository, or one of a mode that is not supported */
  static async open(path: string): Promise<Repository> {
    const config = await readFile(join(path, 'config'), 'utf8').catch((cause: unknown) => {
      throw new OstreeError('REPOSITORY_INVALID', `${path} is not an OSTree repository: its config cannot be read`, {
        cause,
      });
    });
    const mode = /^\s*mode\s*=\s*(\S+)\s*$/m.exec(config)?.[1];
    if (mode === 'bare' || mode === 'bare-user') return new Repository(path, mode);
    if (mode === 'archive' || mode === 'archive-z2') return new Repository(path, 'archive');
    throw new OstreeError(
      'REPOSITORY_INVALID',
      `the OSTree repository ${path} has the mode ${JSON.stringify(mode ?? '')}; supported are bare, bare-user and archive`,
    );
  }

  /** Makes a repository; one that is there already is kept. Lasting when this returns. */
  static async create(path: string, mode: RepositoryMode): Promise<Repository> {
    await mkdir(path, { recursive: true });
    await runCommand('ostree', ['init', `--repo=${path}`, `--mode=${mode}`]);
    await syncPaths(['config', 'objects', 'refs', '.'].map((name) => join(path, name)));
    return Repository.open(path);
  }

  objectPath(checksum: OstreeChecksum, type: ObjectType): string {
    const extension = type === 'file' && this.mode === 'archive' ? 'filez' : type;
    // Not by `join`, which costs as much as looking whether the file is there.
    return `${this.path}/objects/${checksum.slice(0, 2)}/${checksum.slice(2)}.${extension}`;
  }

  /** Synchronous: an import asks this tens of thousands of times, and a hop to the thread pool costs more than the call. */
  hasObject(checksum: OstreeChecksum, type: ObjectType): boolean {
    return lstatSync(this.objectPath(checksum, type), { throwIfNoEntry: false }) !== undefined;
  }

  /**
   * A file object. What it holds is not verified.
   * @throws OstreeError REPOSITORY_DAMAGED, OSTREE_OBJECT_INVALID
   */
  openFile(checksum: OstreeChecksum): StoredFile {
    const path = this.objectPath(checksum, 'file');
    return this.mode === 'archive' ? openArchiveFile(path) : openBareFile(path);
  }

  /** @throws OstreeError REPOSITORY_DAMAGED, OSTREE_OBJECT_INVALID */
  readCommit(checksum: OstreeChecksum): Commit {
    return decodeCommit(this.#readObject(checksum, 'commit'));
  }

  /** @throws OstreeError REPOSITORY_DAMAGED, OSTREE_OBJECT_INVALID */
  readDirTree(checksum: OstreeChecksum): DirectoryTree {
    return readDirectoryTree(this.#readObject(checksum, 'dirtree'));
  }

  /**
   * False for a commit of which objects are known to be missing: `ostree fsck` marks it so, and an import until it is done
   * (ostree-repo.c, ostree_repo_mark_commit_partial).
   */
  isComplete(commit: OstreeChecksum): boolean {
    return lstatSync(this.#partialPath(commit), { throwIfNoEntry: false }) === undefined;
  }

  /** Marks a commit as one of which objects may be missing: lasting when this returns. */
  async markPartial(commit: OstreeChecksum): Promise<void> {
    await writeFile(this.#partialPath(commit), '');
    await syncPaths([join(this.path, 'state')]);
  }

  async markComplete(commit: OstreeChecksum): Promise<void> {
    await rm(this.#partialPath(commit), { force: true });
  }

  /**
   * Runs what gives objects their names, one such work after another: an object that can be seen is then one that lasts, unless
   * it is our own.
   */
  async publish(work: () => Promise<void>): Promise<void> {
    const turn = this.#publishing.then(work);
    this.#publishing = turn.catch(() => undefined);
    await turn;
  }

  /** The commit that a ref names, or undefined when there is no such ref. */
  async readRef(name: string): Promise<OstreeChecksum | undefined> {
    try {
      return parseChecksum((await readFile(this.#refPath(name), 'utf8')).trimEnd());
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Makes a ref name a commit: atomically, and lasting when this returns. */
  async writeRef(name: string, checksum: OstreeChecksum): Promise<void> {
    const temporary = temporaryPath(this.path);
    try {
      await writeFile(temporary, `${checksum}\n`, { flag: 'wx', mode: 0o644, flush: true });
      await this.placeRefs(new Map([[name, temporary]]));
    } finally {
      await removeTemporary(temporary);
    }
  }

  /** Makes files refs, each by its name: atomically, and lasting when this returns. They last already, and have checksums. */
  async placeRefs(files: ReadonlyMap<string, string>): Promise<void> {
    const directories = new Set<string>();
    for (const [name, file] of files) {
      const path = this.#refPath(name);
      await mkdir(dirname(path), { recursive: true });
      await rename(file, path);
      // New directories on the way need to last as well, so that each up to refs/ is synced.
      for (let parent = dirname(path); parent !== join(this.path, 'refs'); parent = dirname(parent)) {
        directories.add(parent);
      }
    }
    await syncPaths(directories);
  }

  async deleteRef(name: string): Promise<void> {
    await rm(this.#refPath(name), { force: true });
  }

  /** The names of all refs that begin with `prefix`, which ends with a slash. */
  async listRefs(prefix: string): Promise<string[]> {
    const root = this.#refPath(prefix);
    try {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => !entry.isDirectory());
      return files.map((entry) => prefix + relative(root, join(entry.parentPath, entry.name))).sort();
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  #refPath(name: string): string {
    if (name.split('/').some((part) => part === '..' || part === '.') || name.startsWith('/') || name.includes('\0')) {
      throw new OstreeError('REPOSITORY_INVALID', `${JSON.stringify(name)} cannot be the name of a ref`);
    }
    return join(this.path, 'refs/heads', name);
  }

  #partialPath(commit: OstreeChecksum): string {
    return join(this.path, 'state', `${commit}.commitpartial`);
  }

  /** Reads a metadata object and holds it against its name. Synchronous, as `hasObject` is. */
  #readObject(checksum: OstreeChecksum, type: 'commit' | 'dirtree'): Uint8Array {
    const path = this.objectPath(checksum, type);
    const bytes = readWhole(path);
    if (checksumOf(bytes) !== checksum) throw damaged(`${path} is not what its name says`);
    return bytes;
  }
}

/** A missing file, or a file where a directory was expected. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** What misses objects counts as absent: the import that follows brings them back. */
export async function ifIntact<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof OstreeError && error.code === 'REPOSITORY_DAMAGED') return undefined;
    throw error;
  }
}

function readWhole(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw damaged(`${path} cannot be read`, cause);
  }
}

function damaged(what: string, cause?: unknown): OstreeError {
  return new OstreeError(
    'REPOSITORY_DAMAGED',
    `${what}; run \`ostree fsck --delete\` on the repository and stage the image again`,
    { cause },
  );
}
