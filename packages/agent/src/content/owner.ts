// Owner names are those of the deployment, not of the machine that writes it: its /etc/passwd and /etc/group, then the
// files that the image keeps in /usr/lib (nss-altfiles).
import { ApiError } from '@varve/api';
import type { Tree } from '../tree/tree.ts';
import type { Owner } from './plan.ts';

export interface Owners {
  user(owner: Owner): number;
  group(owner: Owner): number;
}

export async function readOwners(tree: Tree): Promise<Owners> {
  const users = await readDatabases(tree, 'passwd');
  const groups = await readDatabases(tree, 'group');
  return { user: (owner) => lookUp(owner, users, 'user'), group: (owner) => lookUp(owner, groups, 'group') };
}

async function readDatabases(tree: Tree, name: 'passwd' | 'group'): Promise<Map<string, number>> {
  const ids = new Map<string, number>();
  for (const path of [`/usr/lib/${name}`, `/etc/${name}`]) {
    const content = await tree.readFile(path);
    for (const [key, id] of parseDatabase(content?.toString('utf8') ?? '')) ids.set(key, id);
  }
  return ids;
}

/** Name and id of each line of passwd(5) or group(5): the first and the third field. */
export function parseDatabase(text: string): [name: string, id: number][] {
  const ids: [string, number][] = [];
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':');
    if (name && id && /^[0-9]+$/.test(id)) ids.push([name, Number(id)]);
  }
  return ids;
}

function lookUp(owner: Owner, ids: ReadonlyMap<string, number>, what: string): number {
  if (typeof owner === 'number') return owner;
  const id = ids.get(owner);
  if (id !== undefined) return id;
  throw new ApiError(
    'CONFIG_INVALID',
    `the image has no ${what} "${owner}"; create it in the Containerfile, or give its id`,
  );
}
