// Reads and writes below one directory without ever following a symbolic link out of it. Every component is opened
// with O_NOFOLLOW and the next one is reached through /proc/self/fd, which is openat(2) by other means: a link put in
// the way between two steps cannot redirect a write.
import { createHash, hash, randomUUID } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import {
  type FileHandle,
  lchown,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  rmdir,
  symlink,
  unlink,
} from 'node:fs/promises';
import { join, posix } from 'node:path';
import { OstreeError, readFileInTree, writeFileInTree } from '@varve/ostree';
import { isErrno } from '../state/durable-file.ts';
import { type ExtendedAttributes, readExtended, writeExtended } from './extended-attributes.ts';
import { linkedDirectoryOf, linkProblem, throughLink } from './linked-directory.ts';

export interface Attributes {
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** None unless given. */
  readonly extended?: ExtendedAttributes | undefined;
}

export interface FileDigest {
  readonly sha256: string;
  readonly size: number;
}

const openDirectory = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const openFile = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Under which a link is made before it gets its name; what a transaction keeps beside a file is called otherwise. */
const unplacedName = /^\.varve-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A directory tree; every path is absolute as seen from its root, such as `/etc/hosts`. */
export class Tree {
  readonly root: string;
  readonly #var: string | undefined;

  /** `varDirectory`: where /var lies when it is not in the tree, as for a deployment that is not booted. */
  constructor(root: string, varDirectory?: string) {
    this.root = root;
    this.#var = varDirectory;
  }

  /** Where /var lies. */
  get varDirectory(): string {
    return this.#var ?? join(this.root, 'var');
  }

  /** Where the path lies on this machine; links on the way to it are the caller's to mind. */
  async realPath(path: string): Promise<string> {
    const { base, rest } = await this.#locate(path);
    return join(base, rest);
  }

  /** What lies at the path, links not followed; undefined when nothing does or a parent is missing. */
  async lstat(path: string): Promise<Stats | undefined> {
    return await this.#lookUp(path, (entry) => lstat(entry));
  }

  /** Of a file or a directory; none of anything else. */
  async extended(path: string): Promise<ExtendedAttributes> {
    const read = await this.#lookUp(path, async (entry) => {
      const stats = await lstat(entry);
      if (!stats.isFile() && !stats.isDirectory()) return {};
      await using file = await open(entry, openFile);
      return await readExtended(file.fd);
    });
    return read ?? {};
  }

  async readLink(path: string): Promise<string | undefined> {
    return await this.#lookUp(path, (entry) => readlink(entry));
  }

  /** Content of a regular file; undefined when there is none. */
  async readFile(path: string): Promise<Buffer | undefined> {
    const { base, rest } = await this.#locate(path);
    return await readFileInTree(base, rest);
  }

  async digestFile(path: string): Promise<FileDigest | undefined> {
    return await this.#lookUp(path, digestFileAt);
  }

  /** Sorted names in a directory; none when it is missing or is no directory. */
  async list(path: string): Promise<string[]> {
    const names = await this.#lookUp(path, async (entry) => {
      await using directory = await open(entry, openDirectory);
      return await readdir(`/proc/self/fd/${directory.fd}`);
    });
    return (names ?? []).sort();
  }

  /** Writes a regular file in one step; a link of that name is replaced, never followed. */
  async writeFile(path: string, content: Uint8Array, attributes: Attributes): Promise<void> {
    await this.#withParent(path, true, (parent, name) => this.#refuseDirectory(join(parent, name), path));
    const { base, rest } = await this.#locate(path);
    const finish = (fd: number) => writeExtended(fd, attributes.extended);
    await writeFileInTree(base, rest, content, { ...attributes, finish });
  }

  async writeLink(path: string, target: string, owner: Omit<Attributes, 'mode'>): Promise<void> {
    await this.#withParent(path, true, async (parent, name) => {
      await this.#refuseDirectory(join(parent, name), path);
      const temporary = join(parent, `.varve-${randomUUID()}`);
      try {
        await symlink(target, temporary);
        await lchown(temporary, owner.uid, owner.gid);
        await rename(temporary, join(parent, name));
      } catch (error) {
        await unlink(temporary).catch(ignore('ENOENT'));
        throw error;
      }
    });
  }

  /** Removes from a directory what a killed process made and did not put in its place. */
  async removeUnplaced(directory: string): Promise<void> {
    for (const name of await this.list(directory)) {
      if (unplacedName.test(name)) await this.remove(posix.join(directory, name));
    }
  }

  /** Makes a directory, or gives an existing one these attributes. */
  async writeDirectory(path: string, attributes: Attributes): Promise<void> {
    await this.#withParent(path, true, async (parent, name) => {
      const entry = join(parent, name);
      await makeDirectory(entry);
      await using directory = await this.#openDirectory(entry, path);
      await directory.chown(attributes.uid, attributes.gid);
      await directory.chmod(attributes.mode);
      await writeExtended(directory.fd, attributes.extended);
    });
  }

  /** Removes a file, a link or an empty directory. True when it is gone; false when a directory still holds something. */
  async remove(path: string): Promise<boolean> {
    const gone = await this.#lookUp(path, async (entry) => {
      const stats = await lstat(entry);
      if (!stats.isDirectory()) {
        await unlink(entry);
        return true;
      }
      try {
        await rmdir(entry);
        return true;
      } catch (error) {
        if (isErrno(error, 'ENOTEMPTY', 'EEXIST')) return false;
        throw error;
      }
    });
    return gone ?? true;
  }

  /**
   * Runs `use` with the path of the parent directory, held open, and the entry's name: for several system calls on
   * entries of one directory. Throws ENOENT when the parent is missing.
   */
  async inParent<T>(path: string, use: (parent: string, name: string) => Promise<T>): Promise<T> {
    return await this.#withParent(path, false, use);
  }

  /** The directory below which a path lies, and the rest of the path. */
  async #locate(path: string): Promise<{ base: string; rest: string }> {
    const real = await this.#followImageLink(path);
    if (this.#var === undefined || !real.startsWith('/var/')) return { base: this.root, rest: real };
    return { base: this.#var, rest: real.slice('/var'.length) };
  }

  async #followImageLink(path: string): Promise<string> {
    const linked = linkedDirectoryOf(path);
    if (linked === undefined) return path;
    const link = await readlink(join(this.root, linked)).catch(ignore('EINVAL', 'ENOENT'));
    const problem = linkProblem(path, linked, link);
    if (problem !== undefined) throw new OstreeError('TREE_PATH_UNSAFE', problem);
    return throughLink(path, linked, link);
  }

  async #lookUp<T>(path: string, read: (entry: string) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#withParent(path, false, async (parent, name) => await read(join(parent, name)));
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async #withParent<T>(path: string, create: boolean, use: (parent: string, name: string) => Promise<T>): Promise<T> {
    const { base, rest } = await this.#locate(path);
    const parts = rest.split('/').filter((part) => part !== '');
    const name = parts.pop();
    if (name === undefined || parts.includes('..') || name === '..') {
      throw new OstreeError('TREE_PATH_UNSAFE', `"${path}" does not name an entry below ${base}`);
    }
    let directory = await open(base, openDirectory);
    try {
      let reached = '';
      for (const part of parts) {
        reached += `/${part}`;
        const entry = `/proc/self/fd/${directory.fd}/${part}`;
        const created = create && (await makeDirectory(entry));
        const next = await this.#openDirectory(entry, reached);
        if (created) await next.chmod(0o755);
        await directory.close();
        directory = next;
      }
      return await use(`/proc/self/fd/${directory.fd}`, name);
    } finally {
      await directory.close();
    }
  }

  async #openDirectory(entry: string, path: string): Promise<FileHandle> {
    try {
      return await open(entry, openDirectory);
    } catch (cause) {
      if (!isErrno(cause, 'ENOTDIR', 'ELOOP')) throw cause;
      throw new OstreeError(
        'TREE_PATH_UNSAFE',
        `${path} in ${this.root} is a link or a file, not a directory; name the real path in the config`,
        { cause },
      );
    }
  }

  async #refuseDirectory(entry: string, path: string): Promise<void> {
    const stats = await lstat(entry).catch(ignore('ENOENT'));
    if (stats?.isDirectory()) {
      throw new OstreeError(
        'TREE_PATH_UNSAFE',
        `${path} in ${this.root} is a directory and is not replaced by a file or link`,
      );
    }
  }
}

/** Files up to this size are read in one go: waiting for a few kilobytes costs more than reading them. */
const readAtOnce = 64 << 10;

/** Hash of the file at a path whose parent is held open; a link is not followed. */
export async function digestFileAt(path: string): Promise<FileDigest> {
  return digestSmallFile(path) ?? (await digestLargeFile(path));
}

function digestSmallFile(path: string): FileDigest | undefined {
  const file = openSync(path, openFile);
  try {
    if (fstatSync(file).size > readAtOnce) return undefined;
    const content = readFileSync(file);
    return { sha256: hash('sha256', content), size: content.byteLength };
  } finally {
    closeSync(file);
  }
}

async function digestLargeFile(path: string): Promise<FileDigest> {
  await using file = await open(path, openFile);
  const digest = createHash('sha256');
  let size = 0;
  for await (const chunk of file.createReadStream({ autoClose: false })) {
    digest.update(chunk);
    size += chunk.length;
  }
  return { sha256: digest.digest('hex'), size };
}

/** True when it did not exist; private until its owner and mode are set. */
async function makeDirectory(entry: string): Promise<boolean> {
  try {
    await mkdir(entry, { mode: 0o700 });
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

function ignore(...codes: string[]): (error: unknown) => undefined {
  return (error) => {
    if (!isErrno(error, ...codes)) throw error;
    return undefined;
  };
}
