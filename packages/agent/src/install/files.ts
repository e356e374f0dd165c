// What the agent consists of on a host whose image does not bring it: the executable, its units, its user. It lies where
// image-based hosts let files be added, since /usr is the image's.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const executablePath = '/usr/local/bin/varve-agent';
/** Where the package puts it. */
export const packagedExecutable = '/usr/bin/varve-agent';

/** The first is where Debian's package has them. */
const unitDirectories = ['lib/systemd/system', 'usr/lib/systemd/system'];
const units = ['varve-agent.service', 'varve-helper.service', 'varve-helper.socket'];

export interface HostFile {
  readonly path: string;
  readonly content: string;
}

/** Also where the image brings the agent: a pod that has mounted its directory would keep one that was removed. */
export const podFile: HostFile = {
  path: '/etc/systemd/system/varve-agent.service.d/50-kubernetes.conf',
  content: '[Service]\nRuntimeDirectoryPreserve=yes\n',
};

/** Without the executable, which is a hundred megabytes. `source` is the root of a file system with the package. */
export async function hostFiles(source: string): Promise<HostFile[]> {
  const files: HostFile[] = [];
  for (const unit of units) {
    const text = await readFirst(unitDirectories.map((directory) => join(source, directory, unit)));
    files.push({ path: `/etc/systemd/system/${unit}`, content: text.replaceAll(packagedExecutable, executablePath) });
  }
  files.push({
    path: '/etc/sysusers.d/varve.conf',
    content: await readFile(join(source, 'usr/lib/sysusers.d/varve.conf'), 'utf8'),
  });
  return files;
}

async function readFirst(paths: readonly string[]): Promise<string> {
  let missing: unknown;
  for (const path of paths) {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      missing ??= error;
    }
  }
  throw missing;
}
