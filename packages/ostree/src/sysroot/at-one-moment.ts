// Boot entries are several files, and OSTree replaces all of them at once, by a rename of the link /boot/loader: who reads
// one after the other meanwhile has some of before and some of after. Where the entries stay as they are, it replaces what
// they lead to, by a rename of the link ostree/boot.0 or ostree/boot.1 (ostree-sysroot-deploy.c).
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsent } from '../repository.ts';

/** Nobody deploys so often in a row. */
const maxTries = 50;

/** What `read` makes of the boot entries, and of what they lead to, while nobody replaces them: else it is read again. */
export async function atOneMoment<T>(sysroot: string, read: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const before = await linksOf(sysroot);
    try {
      const found = await read();
      if (tries === maxTries || before === (await linksOf(sysroot))) return found;
    } catch (error) {
      if (tries === maxTries || before === (await linksOf(sysroot))) throw error;
    }
  }
}

async function linksOf(sysroot: string): Promise<string> {
  const links = await Promise.all(['boot/loader', 'ostree/boot.0', 'ostree/boot.1'].map((link) => idOf(sysroot, link)));
  return links.join();
}

/** Another one for each link that was ever put there. */
async function idOf(sysroot: string, link: string): Promise<string> {
  try {
    const { ino, ctimeNs } = await lstat(join(sysroot, link), { bigint: true });
    return `${ino} ${ctimeNs}`;
  } catch (error) {
    if (isAbsent(error)) return '';
    throw error;
  }
}
