// The password hash of one user in /etc/shadow (shadow(5)): one field of one line; every other byte stays.
import { createHash } from 'node:crypto';
import type { Tree } from '../tree/tree.ts';

export const shadowPath = '/etc/shadow';
/** No password fits: what the reference gives a user without one (machine-config-operator pkg/daemon/update.go, SetPasswordHash). */
const noPassword = '*';
const shadowAttributes = { mode: 0o600, uid: 0, gid: 0 };

/** The hash of the user; undefined when the file has no line for it. */
export function passwordHashOf(shadow: string, user: string): string | undefined {
  return shadow
    .split('\n')
    .find((line) => line.startsWith(`${user}:`))
    ?.split(':')[1];
}

/** The file with another hash for the user; a line is added when there is none. */
export function withPasswordHash(shadow: string, user: string, hash: string): string {
  const lines = shadow.split('\n');
  const index = lines.findIndex((line) => line.startsWith(`${user}:`));
  const [, , ...rest] = lines[index]?.split(':') ?? ['', '', '', '', '', '', '', '', ''];
  const line = [user, hash, ...rest].join(':');
  if (index >= 0) return lines.with(index, line).join('\n');
  return `${shadow === '' || shadow.endsWith('\n') ? shadow : `${shadow}\n`}${line}\n`;
}

/** What /etc/shadow becomes when the user gets the hash, or the image's own when `hash` is undefined. */
export async function shadowWith(tree: Tree, user: string, hash: string | undefined): Promise<string> {
  const shadow = (await tree.readFile(shadowPath))?.toString('utf8') ?? '';
  if (hash !== undefined) return withPasswordHash(shadow, user, hash);
  const image = (await tree.readFile(`/usr${shadowPath}`))?.toString('utf8') ?? '';
  return withPasswordHash(shadow, user, passwordHashOf(image, user) ?? noPassword);
}

/** Mode and owner of /etc/shadow: those that it has. */
export async function shadowAttributesOf(tree: Tree): Promise<typeof shadowAttributes> {
  const stats = await tree.lstat(shadowPath);
  return stats ? { mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid } : shadowAttributes;
}

export async function writePassword(tree: Tree, user: string, hash: string | undefined): Promise<void> {
  const attributes = await shadowAttributesOf(tree);
  await tree.writeFile(shadowPath, Buffer.from(await shadowWith(tree, user, hash)), attributes);
}

export function hashOfHash(hash: string): string {
  return createHash('sha256').update(hash).digest('hex');
}
