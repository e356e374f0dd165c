// Extended attributes that say who may do what with a file, or that somebody has put on it: capabilities, access control
// lists, and what users set. SELinux labels are not among them: the host's policy gives them, to old paths too when it
// changes. Nor are those that the kernel and file systems keep for themselves.
import * as z from 'zod';

/** Name to value in base64. */
export const extendedAttributesSchema = z.record(z.string(), z.string());
export type ExtendedAttributes = Readonly<z.infer<typeof extendedAttributesSchema>>;

const names = new Set(['security.capability', 'system.posix_acl_access', 'system.posix_acl_default']);

function matters(name: string): boolean {
  return names.has(name) || name.startsWith('user.');
}

/** Gives the names of what lies at a path whose parent is held open; a link is not followed. */
export type NamesAt = (path: string) => string[];

export async function loadNamesAt(): Promise<NamesAt> {
  const { listAttributesAt } = await import('./c-library.ts');
  return (path) => listAttributesAt(path).filter(matters).sort();
}

/** Of an open file or directory. */
export async function readExtended(fd: number): Promise<ExtendedAttributes> {
  const { getAttribute, listAttributes } = await import('./c-library.ts');
  const found = listAttributes(fd).filter(matters).sort();
  return Object.fromEntries(found.map((name) => [name, getAttribute(fd, name).toString('base64')]));
}

/** Leaves an open file or directory with these and no others: a new one may have got some from its directory (acl(5)). */
export async function writeExtended(fd: number, wanted: ExtendedAttributes = {}): Promise<void> {
  const { listAttributes, removeAttribute, setAttribute } = await import('./c-library.ts');
  for (const name of listAttributes(fd)) {
    if (matters(name) && !Object.hasOwn(wanted, name)) removeAttribute(fd, name);
  }
  for (const [name, value] of Object.entries(wanted)) setAttribute(fd, name, Buffer.from(value, 'base64'));
}
