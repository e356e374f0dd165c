// dpkg's records: the status file (https://www.debian.org/doc/debian-policy/ch-controlfields.html, dpkg-query(1)) and the
// lists of each package's files.
import { BuildError } from '../error.ts';
import { readLines } from './lines.ts';
import type { InstalledPackage } from './package.ts';

const maximumPackages = 200_000;

/** The installed packages of a status file. Memory does not depend on the length of descriptions. */
export async function readDpkgStatus(content: AsyncIterable<Uint8Array>): Promise<InstalledPackage[]> {
  const packages: InstalledPackage[] = [];
  let fields = new Map<string, string>();
  const finish = () => {
    const [name, version] = [fields.get('Package'), fields.get('Version')];
    if (name !== undefined && version !== undefined && / installed$/.test(fields.get('Status') ?? '')) {
      packages.push({ name, version, architecture: fields.get('Architecture') ?? '' });
    }
    fields = new Map();
    if (packages.length > maximumPackages) {
      throw new BuildError('IMAGE_UNREADABLE', `dpkg's status lists more than ${maximumPackages} packages`);
    }
  };
  for await (const line of readLines(content)) {
    if (line === '') finish();
    const match = /^(?<name>Package|Version|Status|Architecture): *(?<value>\S.*)$/.exec(line)?.groups;
    if (match !== undefined) fields.set(match.name ?? '', (match.value ?? '').trimEnd());
  }
  finish();
  return packages;
}

/** The package that a file of dpkg's `info` directory is about; `libc6:amd64.list` is about libc6. */
export function packageOfRecord(fileName: string): string | undefined {
  return /^(?<name>[a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)?\.[a-z0-9]+$/.exec(fileName)?.groups?.name;
}

/** The paths of a package's `.list` file, without the slash before them. */
export async function readDpkgList(content: AsyncIterable<Uint8Array>): Promise<string[]> {
  const paths: string[] = [];
  for await (const line of readLines(content)) {
    if (line.startsWith('/') && line !== '/.') paths.push(line.slice(1));
  }
  return paths;
}
