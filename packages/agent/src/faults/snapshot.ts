// What a machine would start, as lines that can be compared.
import { createHash } from 'node:crypto';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { firstDeployment } from '../boot/boot-entry.ts';
import { checkContent } from '../content/check.ts';
import { appliedConfigPath } from '../content/entry.ts';
import { readApplied } from '../driver/ostree/state.ts';
import { readExtended } from '../tree/extended-attributes.ts';
import { Tree } from '../tree/tree.ts';

const stateroot = 'ostree/deploy/varve';

export interface NextBoot {
  readonly deployment: string;
  readonly config: string | undefined;
  /** Kernel arguments, and every entry of its /etc and of the shared /var, with content and attributes. */
  readonly lines: readonly string[];
}

/** Throws when the next boot is not whole: its kernel, its link, its record, or what the record says of it. */
export async function readNextBoot(sysroot: string): Promise<NextBoot> {
  const { entry, name: deployment } = await firstDeployment(sysroot);
  const root = join(sysroot, stateroot, 'deploy', deployment);
  const varDirectory = join(sysroot, stateroot, 'var');
  const tree = new Tree(root, varDirectory);
  const applied = await readApplied(tree);
  if (applied?.deployment !== deployment) throw new Error(`the next boot ${deployment} has no record of its own`);
  const drift = await checkContent(tree, applied);
  if (drift.length > 0) throw new Error(`the next boot is not what its record says: ${JSON.stringify(drift)}`);
  const words = entry.kernelArguments.join(' ');
  if (words !== applied.kernelArguments.join(' ')) throw new Error(`the boot entry has ${words}, the record another`);
  const etc = await describeAll(join(root, 'etc'), (path) => `/etc/${path}` === appliedConfigPath);
  const shared = await describeAll(varDirectory, (path) => `${path}/`.startsWith('lib/varve/'));
  return { deployment, config: applied.config, lines: [words, ...etc, ...shared] };
}

async function describeAll(directory: string, isLeftOut: (path: string) => boolean): Promise<string[]> {
  const paths = (await readdir(directory, { recursive: true })).filter((path) => !isLeftOut(path)).sort();
  return await Promise.all(paths.map((path) => describe(directory, path)));
}

async function describe(directory: string, path: string): Promise<string> {
  const entry = join(directory, path);
  const stats = await lstat(entry);
  const attributes = `${path} ${stats.mode.toString(8)} ${stats.uid}:${stats.gid}`;
  if (stats.isSymbolicLink()) return `${attributes} -> ${await readlink(entry)}`;
  await using opened = await open(entry);
  const all = `${attributes} ${JSON.stringify(await readExtended(opened.fd))}`;
  if (!stats.isFile()) return all;
  return `${all} ${createHash('sha256')
    .update(await opened.readFile())
    .digest('hex')}`;
}

/** Names of what only exists while something is under way. */
const passing = [
  /(^|\/)\.varve-/,
  /(^|\/)\..+\.[0-9a-f]{8}-[0-9a-f-]{27}$/,
  /^host\/(applying|boot-requested|journal\.json|probation\.json)$/,
];

/** What a process left in the state directory, the repository's tmp/ and the trees. */
export async function findLeftovers(sysroot: string): Promise<string[]> {
  const left: string[] = [];
  const state = join(sysroot, stateroot, 'var/lib/varve');
  const trees = [state, join(sysroot, stateroot, 'var')];
  for (const name of await readdir(join(sysroot, stateroot, 'deploy'))) {
    if (!name.endsWith('.origin')) trees.push(join(sysroot, stateroot, 'deploy', name, 'etc'));
  }
  for (const tree of trees) {
    for (const path of await readdir(tree, { recursive: true })) {
      if (passing.some((pattern) => pattern.test(path))) left.push(join(tree, path));
    }
  }
  const temporary = await readdir(join(sysroot, 'ostree/repo/tmp'));
  left.push(...temporary.filter((name) => name.startsWith('varve-')).map((name) => `ostree/repo/tmp/${name}`));
  return left;
}
