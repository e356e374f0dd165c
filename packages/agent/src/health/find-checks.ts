// The health checks that a host carries: Varve's own directory, and greenboot's, so that an image made for greenboot
// is judged by the same checks (github.com/fedora-iot/greenboot, usr/libexec/greenboot/greenboot).
import { posix } from 'node:path';
import { isErrno } from '../state/durable-file.ts';
import type { Tree } from '../tree/tree.ts';
import type { CheckCommand } from './run-check.ts';

export interface FoundCheck extends CheckCommand {
  /** Path on the host. */
  readonly path: string;
  readonly required: boolean;
  /** Why it cannot be run; such a check has failed. */
  readonly problem: string | undefined;
}

interface CheckDirectory {
  readonly path: string;
  readonly required: boolean;
  readonly isGreenboot: boolean;
}

/** In the order in which they run; greenboot looks below /usr/lib first. */
const directories: readonly CheckDirectory[] = [
  { path: '/etc/varve/health.d', required: true, isGreenboot: false },
  { path: '/usr/lib/greenboot/check/required.d', required: true, isGreenboot: true },
  { path: '/etc/greenboot/check/required.d', required: true, isGreenboot: true },
  { path: '/usr/lib/greenboot/check/wanted.d', required: false, isGreenboot: true },
  { path: '/etc/greenboot/check/wanted.d', required: false, isGreenboot: true },
];
const greenbootConfiguration = '/etc/greenboot/greenboot.conf';
const maxChecks = 256;

/** All of them, by directory and then by name; subdirectories and hidden files are none. */
export async function findChecks(tree: Tree): Promise<FoundCheck[]> {
  const disabled = parseDisabledChecks((await tree.readFile(greenbootConfiguration))?.toString('utf8') ?? '');
  const found: FoundCheck[] = [];
  for (const directory of directories) {
    found.push(...(await findInDirectory(tree, directory, disabled)));
  }
  return found.slice(0, maxChecks);
}

/** Those of one directory, by name, each required to succeed. */
export async function findExecutables(tree: Tree, path: string): Promise<FoundCheck[]> {
  const found = await findInDirectory(tree, { path, required: true, isGreenboot: false }, new Set());
  return found.slice(0, maxChecks);
}

async function findInDirectory(tree: Tree, directory: CheckDirectory, disabled: Set<string>): Promise<FoundCheck[]> {
  const found: FoundCheck[] = [];
  try {
    for (const name of await tree.list(directory.path)) {
      if (name.startsWith('.') || (directory.isGreenboot && disabled.has(name))) continue;
      const check = await describeCheck(tree, directory, name);
      if (check) found.push(check);
    }
  } catch (error) {
    if (!isErrno(error, 'TREE_PATH_UNSAFE', 'ENOTDIR', 'ELOOP')) throw error;
    const problem = 'is no directory, or reached through a link: put the executables into a real directory';
    found.push({ path: directory.path, required: false, command: directory.path, arguments: [], problem });
  }
  return found;
}

async function describeCheck(tree: Tree, directory: CheckDirectory, name: string): Promise<FoundCheck | undefined> {
  const path = posix.join(directory.path, name);
  const stats = await tree.lstat(path);
  if (!stats || !(stats.isFile() || stats.isSymbolicLink())) return undefined;
  const base = { path, required: directory.required };
  // greenboot gives every *.sh to bash, executable or not.
  if (directory.isGreenboot && name.endsWith('.sh')) {
    return { ...base, command: 'bash', arguments: [path], problem: undefined };
  }
  if ((stats.mode & 0o111) !== 0) return { ...base, command: path, arguments: [], problem: undefined };
  if (directory.isGreenboot) return undefined;
  // One that silently never runs is worse than none: files of a MachineConfig are 0644 unless they say otherwise.
  const problem = 'is not executable: give it mode 0755, or put it elsewhere';
  return { ...base, required: false, command: path, arguments: [], problem };
}

/** `DISABLED_HEALTHCHECKS=("a.sh" "b.sh")` of greenboot.conf, which is a shell script that only sets variables. */
export function parseDisabledChecks(text: string): Set<string> {
  const names = new Set<string>();
  for (const match of text.matchAll(/^[ \t]*DISABLED_HEALTHCHECKS=\(([^)]*)\)/gm)) {
    const uncommented = (match[1] ?? '').replaceAll(/#.*$/gm, '');
    for (const [, double, single, bare] of uncommented.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)) {
      names.add(double ?? single ?? bare ?? '');
    }
  }
  return names;
}
