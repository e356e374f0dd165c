// The few files of an image whose content is read: the records of dpkg and rpm, and the release. They are kept by the digest
// of their content, so that the tree alone decides which of them an image shows.
import { basename } from 'node:path/posix';
import { BuildError } from '../error.ts';
import { parseOsRelease } from '../os-release.ts';
import { packageOfRecord, readDpkgList, readDpkgStatus } from '../packages/dpkg-records.ts';
import type { InstalledPackage } from '../packages/package.ts';
import { readRpmDatabase } from '../packages/rpm-database.ts';
import type { FileTree } from './file-tree.ts';

/** Where dpkg's records are: Varve's base images keep them in /usr, with what they tell about. */
const dpkgDirectories = ['usr/lib/sysimage/dpkg', 'var/lib/dpkg'];
/** The places of rpm's database: today's, the older one, and rpm-ostree's. */
const rpmDirectories = ['usr/lib/sysimage/rpm', 'var/lib/rpm', 'usr/share/rpm'];
const releaseFiles = ['usr/lib/os-release', 'etc/os-release'];
const maximumRelease = 64 * 1024;
/** Databases of rpm before SQLite: Berkeley DB, and rpm's own format of a file. */
const oldRpmFiles = new Map([
  ['Packages', 'Berkeley DB'],
  ['Packages.db', 'ndb'],
]);

interface PackageRecord {
  readonly packages: readonly InstalledPackage[];
  /** Files of each package, where the record has them. */
  readonly files: ReadonlyMap<string, readonly string[]>;
}

type FileRecord = PackageRecord | { readonly release: string | undefined };

/** The packages of an image, as its records tell. */
export interface Packages {
  readonly manager?: 'dpkg' | 'rpm' | undefined;
  readonly installed: readonly InstalledPackage[];
  /** The package that owns a file. */
  readonly owners: ReadonlyMap<string, string>;
  /** Records that are there and cannot be read. */
  readonly unread?: string | undefined;
}

export function isRecord(path: string): boolean {
  return (
    isListFile(path) ||
    dpkgDirectories.some((directory) => path === `${directory}/status`) ||
    rpmDirectories.some((directory) => path === `${directory}/rpmdb.sqlite`) ||
    releaseFiles.includes(path)
  );
}

export class Records {
  readonly #byDigest = new Map<string, FileRecord>();

  has(digest: string): boolean {
    return this.#byDigest.has(digest);
  }

  set(digest: string, record: FileRecord): void {
    this.#byDigest.set(digest, record);
  }

  /** Reads one of the files that `isRecord` knows. */
  async read(path: string, content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<FileRecord> {
    if (isListFile(path)) {
      const files = new Map([[packageOfRecord(basename(path)) ?? '', await readDpkgList(content)]]);
      return { packages: [], files };
    }
    if (path.endsWith('/status')) return { packages: await readDpkgStatus(content), files: new Map() };
    if (path.endsWith('.sqlite')) {
      const packages = await readRpmDatabase(content, signal);
      return { packages, files: new Map(packages.map(({ name, files }) => [name, files])) };
    }
    return { release: parseOsRelease(await readText(content)).get('PRETTY_NAME') };
  }

  /** PRETTY_NAME of os-release(5). */
  release(tree: FileTree): string | undefined {
    for (const path of releaseFiles) {
      const record = this.#at(tree, path);
      if (record !== undefined && 'release' in record) return record.release;
    }
    return undefined;
  }

  packages(tree: FileTree): Packages {
    for (const directory of rpmDirectories) {
      const record = this.#packagesAt(tree, `${directory}/rpmdb.sqlite`);
      if (record !== undefined) {
        return { manager: 'rpm', installed: record.packages, owners: ownersOf([record]) };
      }
      for (const [file, format] of oldRpmFiles) {
        if (tree.get(`${directory}/${file}`)?.type !== 'file') continue;
        const unread = `/${directory}/${file} is an rpm database in the old format ${format}, which is not read`;
        return { installed: [], owners: new Map(), unread };
      }
    }
    for (const directory of dpkgDirectories) {
      const status = this.#packagesAt(tree, `${directory}/status`);
      if (status === undefined) continue;
      return { manager: 'dpkg', installed: status.packages, owners: this.#dpkgOwners(tree, `${directory}/info`) };
    }
    return { installed: [], owners: new Map() };
  }

  /** By each package's list; what dpkg keeps about a package counts as its own. */
  #dpkgOwners(tree: FileTree, info: string): Map<string, string> {
    const names = [...tree.list(info)];
    const owners = ownersOf(names.flatMap((name) => this.#packagesAt(tree, `${info}/${name}`) ?? []));
    for (const name of names) {
      const owner = packageOfRecord(name);
      if (owner !== undefined) owners.set(`${info}/${name}`, owner);
    }
    return owners;
  }

  #packagesAt(tree: FileTree, path: string): PackageRecord | undefined {
    const record = this.#at(tree, path);
    return record !== undefined && 'packages' in record ? record : undefined;
  }

  #at(tree: FileTree, path: string): FileRecord | undefined {
    const facts = tree.get(path);
    return facts?.type === 'file' ? this.#byDigest.get(facts.content) : undefined;
  }
}

function isListFile(path: string): boolean {
  return dpkgDirectories.some(
    (directory) =>
      path.startsWith(`${directory}/info/`) && path.endsWith('.list') && packageOfRecord(basename(path)) !== undefined,
  );
}

function ownersOf(records: readonly PackageRecord[]): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { files } of records) {
    for (const [name, paths] of files) {
      for (const path of paths) owners.set(usrPath(path), name);
    }
  }
  return owners;
}

/** Packages list some files by the links that merged systems have for /bin, /lib and /sbin. */
function usrPath(path: string): string {
  return /^(?:bin|sbin|lib|lib32|lib64|libx32)\//.test(path) ? `usr/${path}` : path;
}

async function readText(content: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > maximumRelease) {
      throw new BuildError(
        'IMAGE_UNREADABLE',
        `the image's os-release has more than ${maximumRelease} bytes; repair it`,
      );
    }
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks).toString('utf8');
}
