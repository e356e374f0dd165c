import { OstreeError } from '../error.ts';

const surrogate = /[\ud800-\udfff]/;

/** Order of names in directory trees: by bytes, as strcmp has it. JavaScript's own order differs outside the basic plane. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  if (!surrogate.test(a) && !surrogate.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

/** @throws OstreeError OSTREE_OBJECT_INVALID for a name that could leave its directory */
export function assertFileName(name: string): void {
  if (name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0')) return;
  throw new OstreeError(
    'OSTREE_OBJECT_INVALID',
    `${JSON.stringify(name)} cannot be the name of a file in a directory tree; run ostree fsck on the repository`,
  );
}
