// Where on a host a config may put things. The rules hold before any file system is looked at; the agent resolves
// symbolic links again below the deployment's root.

/** Trees that belong to the image, to the kernel or to OSTree, and what to do instead. */
const forbidden: readonly (readonly [tree: string, reason: string])[] = [
  ['/usr', 'belongs to the image: add the file in the Containerfile'],
  ['/bin', 'belongs to the image: add the file in the Containerfile'],
  ['/sbin', 'belongs to the image: add the file in the Containerfile'],
  ['/lib', 'belongs to the image: add the file in the Containerfile'],
  ['/lib64', 'belongs to the image: add the file in the Containerfile'],
  ['/boot', 'is written by OSTree: use spec.kernelArguments or the image'],
  ['/efi', 'is written by OSTree: use spec.kernelArguments or the image'],
  ['/sysroot', 'is written by OSTree'],
  ['/ostree', 'is written by OSTree'],
  ['/proc', 'is not a file system on disk'],
  ['/sys', 'is not a file system on disk'],
  ['/dev', 'is not a file system on disk'],
  ['/run', 'is lost at every boot'],
  ['/tmp', 'is lost at every boot'],
  ['/etc/varve', "is the agent's own"],
  ['/var/lib/varve', "is the agent's own"],
];
const allowedBelow = ['/usr/local', '/etc/varve/health.d', '/etc/varve/drain.d'];

/** The first problem of a managed path, or undefined when it is sound. */
export function pathProblem(path: string): string | undefined {
  const problem = normalPathProblem(path);
  if (problem) return problem;
  if (allowedBelow.some((tree) => path.startsWith(`${tree}/`))) return undefined;
  for (const [tree, reason] of forbidden) {
    if (path === tree || path.startsWith(`${tree}/`)) return `"${path}" is refused: ${tree} ${reason}`;
  }
  return undefined;
}

/**
 * What `normalPathProblem` accepts, as RE2 and JavaScript both read it: parts that are neither empty nor "." nor "..". It
 * counts characters where the other counts bytes.
 */
export const normalPath =
  '^(/([^/.\\x00-\\x1f\\x7f][^/\\x00-\\x1f\\x7f]{0,254}|[.][^/.\\x00-\\x1f\\x7f][^/\\x00-\\x1f\\x7f]{0,253}|[.][.][^/\\x00-\\x1f\\x7f]{1,253}))+$';

/** Absolute, normalised, printable; 4095 bytes is PATH_MAX without its terminator, 255 is NAME_MAX (linux/limits.h). */
export function normalPathProblem(path: string): string | undefined {
  const shown = JSON.stringify(path.slice(0, 200));
  if (!path.startsWith('/')) return `${shown} is not absolute`;
  if (path === '/') return 'the root directory cannot be managed';
  if (hasControlCharacter(path)) return `${shown} holds a control character`;
  if (Buffer.byteLength(path) > 4095) return 'is longer than 4095 bytes';
  for (const part of path.slice(1).split('/')) {
    if (part === '..') return `${shown} holds ".."`;
    if (part === '.' || part === '') return `${shown} is not normalised: no ".", no "//", no "/" at the end`;
    if (Buffer.byteLength(part) > 255) return `${shown} has a part longer than 255 bytes`;
  }
  return undefined;
}

export function hasControlCharacter(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return true;
  }
  return !text.isWellFormed();
}
