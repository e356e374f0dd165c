// SELinux labels of a tree that is not booted. The running kernel gives a new file its directory's label, or none: a host
// that boots such an /etc/shadow lets nobody in. The tree's own policy says what each path is to have.
import { access } from 'node:fs/promises';
import { posix } from 'node:path';
import { configuredPolicy } from '@varve/ostree';
import spawn, { SubprocessError } from 'nano-spawn';
import { AgentError } from '../error.ts';
import type { Tree } from './tree.ts';

const timeout = 5 * 60_000;
const setfiles = ['/usr/sbin/setfiles', '/sbin/setfiles'];

/** Throws DRIVER_UNSUITABLE when this host cannot give files the labels of a policy. `places`: where the program may be. */
export async function requireLabelling(policy: string, places: readonly string[] = setfiles): Promise<void> {
  for (const path of places) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return;
  }
  throw new AgentError(
    'DRIVER_UNSUITABLE',
    `the image has the SELinux policy ${policy}, and this host no setfiles(8) to label the config's files: install policycoreutils in the image that runs, or set SELINUX=disabled in /etc/selinux/config of the new one`,
  );
}

/**
 * Gives what lies at these paths, and in directories among them, the labels of the tree's own policy; nothing where it has
 * none. Paths at which nothing lies are passed over. setfiles(8) works whatever the running kernel enforces.
 */
export async function labelPaths(tree: Tree, paths: Iterable<string>, signal: AbortSignal): Promise<void> {
  const policy = await policyOf(tree);
  if (policy === undefined) return;
  const present: string[] = [];
  for (const path of new Set(paths)) if (await tree.lstat(path)) present.push(posix.join(tree.root, path));
  if (present.length === 0) return;
  const args = ['-F', '-0', '-r', tree.root, '-f', '-', posix.join(tree.root, contextsOf(policy))];
  try {
    await spawn('setfiles', args, {
      env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdin: { string: present.map((path) => `${path}\0`).join('') },
      signal,
      timeout,
    });
  } catch (cause) {
    signal.throwIfAborted();
    const said = cause instanceof SubprocessError ? cause.stderr.trim().slice(-1000) : String(cause);
    throw new AgentError(
      'HOST_COMMAND_FAILED',
      `setfiles cannot label files by the policy in ${tree.root}: ${said}; nothing boots it`,
      { cause },
    );
  }
}

/** The policy that a tree puts into force; undefined when it has none. */
export async function policyOf(tree: Tree): Promise<string | undefined> {
  const policy = configuredPolicy((await tree.readFile('/etc/selinux/config'))?.toString('utf8'));
  if (policy === undefined) return undefined;
  return (await tree.lstat(contextsOf(policy)))?.isFile() ? policy : undefined;
}

function contextsOf(policy: string): string {
  return `/etc/selinux/${policy}/contexts/files/file_contexts`;
}
