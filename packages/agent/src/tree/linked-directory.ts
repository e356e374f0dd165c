// Directories that image-based systems keep in /var behind a link of the image's (ostree docs, adapting-existing.md). Only
// these links are followed, only from the root or /usr, which nobody but the image writes, and only into /var. Pure.
import { posix } from 'node:path';

const linkedDirectories = ['/usr/local', '/opt', '/home', '/root', '/srv', '/mnt'] as const;
type LinkedDirectory = (typeof linkedDirectories)[number];

/** Which of them a path lies below. */
export function linkedDirectoryOf(path: string): LinkedDirectory | undefined {
  return linkedDirectories.find((directory) => path.startsWith(`${directory}/`));
}

/** Where the path really is. `link`: where the image's link leads. */
export function throughLink(path: string, linked: LinkedDirectory, link: string | undefined): string {
  return targetOf(linked, link) + path.slice(linked.length);
}

/** Why a path below it cannot be written on a host, and what to do; undefined when it can. `link`: undefined for no link. */
export function linkProblem(path: string, linked: LinkedDirectory, link: string | undefined): string | undefined {
  const target = targetOf(linked, link);
  if (target.startsWith('/var/')) return undefined;
  const what =
    link === undefined ? `${linked} of this image is no link into /var` : `${linked} of this image leads to ${target}`;
  return `${path} belongs to the image, which is read-only on a host: ${what}; put the file into the image with the Containerfile, choose a path below /etc or /var, or make ${linked} a link to ${usualTarget(linked)} there`;
}

function targetOf(linked: LinkedDirectory, link: string | undefined): string {
  return link === undefined ? linked : posix.resolve(posix.dirname(linked), link);
}

/** As the distributions that boot from OSTree have it. */
function usualTarget(linked: LinkedDirectory): string {
  const names = {
    '/usr/local': 'usrlocal',
    '/opt': 'opt',
    '/home': 'home',
    '/root': 'roothome',
    '/srv': 'srv',
    '/mnt': 'mnt',
  };
  return `/var/${names[linked]}`;
}
