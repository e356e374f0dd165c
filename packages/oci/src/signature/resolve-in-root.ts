// Where a path of another machine leads, as that machine would follow it: a link to `/usr/etc/policy.json` means the one
// of the tree, and no number of `..` leads out of it (RESOLVE_IN_ROOT of openat2(2), which Node has no call for).
import { readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** As many as Linux follows (path_resolution(7)). */
const maximumLinks = 40;

/**
 * The path, on this machine, of what `path` is for a machine whose file system `root` is. Nothing of it need be there. No
 * part of it below `root` is a link, unless somebody changes the tree meanwhile. Throws Error for links in a circle.
 */
export async function resolveInRoot(root: string, path: string): Promise<string> {
  const left = partsOf(path);
  let resolved: string[] = [];
  let links = 0;
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '..') {
      resolved.pop();
      continue;
    }
    const target = await readLink(join(root, ...resolved, part));
    if (target === undefined) {
      resolved.push(part);
      continue;
    }
    links += 1;
    if (links > maximumLinks) throw new Error(`${path} leads through more than ${maximumLinks} links`);
    if (target.startsWith('/')) resolved = [];
    left.unshift(...partsOf(target));
  }
  return join(root, ...resolved);
}

/** Undefined for what is no link, or is not there. */
async function readLink(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasCode(error, 'EINVAL', 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
