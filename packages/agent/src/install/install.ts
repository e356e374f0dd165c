// Installs the agent on a host from outside: from a container that has the host's root mounted. It speaks to the host's
// systemd from inside of that root, and needs no other part of the host.
import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunTool, toolRunner } from '../driver/run-tool.ts';
import { type Joined, type JoinOptions, joinHost } from '../enroll/join.ts';
import { executablePath, type HostFile, hostFiles, packagedExecutable, podFile } from './files.ts';
import { placeExecutable, placeText } from './place.ts';

export interface InstallOptions extends Omit<JoinOptions, 'stateDirectory' | 'signal'> {
  /** The host's root directory, as this process sees it. */
  readonly root: string;
  /** Root of the file system with the agent's package. */
  readonly source: string;
  /** The agent's executable, as this process sees it. */
  readonly executable: string;
  readonly signal: AbortSignal;
}

/** systemctl would take a root that is not its own for an image that nobody has booted (systemd, ENVIRONMENT.md). */
const inHostRoot: RunTool = toolRunner({ SYSTEMD_IGNORE_CHROOT: '1' });

export interface Installed extends Joined {
  /** Paths on the host that were written; none when everything was there. */
  readonly written: readonly string[];
  /** Whether the host's own image brings the agent, whose files then are left as they are. */
  readonly inImage: boolean;
}

/** There from before the first change until the agent was restarted: who finds it goes on after one that was killed. */
const unfinished = '/run/varve-agent.installing';

/** Can be killed and repeated at any point. Throws what joinHost throws, and HOST_COMMAND_FAILED. */
export async function installOnHost(options: InstallOptions): Promise<Installed> {
  const { root, onProgress = () => {} } = options;
  const inImage = await isThere(join(root, packagedExecutable));
  const isResumed = !(await placeText(root, unfinished, ''));
  const files = [...(inImage ? [] : await hostFiles(options.source)), podFile];
  const written = await placeAll(options, files, inImage);
  if (written.length > 0) onProgress(`installed ${written.join(', ')}`);
  await prepare(options, files, inImage);
  const joined = await joinHost({ ...options, stateDirectory: join(root, 'var/lib/varve') });
  await start(options, isResumed || written.length > 0 || joined.joinedNow);
  await rm(join(root, unfinished), { force: true });
  return { ...joined, written, inImage };
}

async function placeAll(
  { root, executable }: InstallOptions,
  files: readonly HostFile[],
  inImage: boolean,
): Promise<string[]> {
  const written: string[] = [];
  for (const { path, content } of files) if (await placeText(root, path, content)) written.push(path);
  if (!inImage && (await placeExecutable(root, executablePath, executable))) written.push(executablePath);
  return written;
}

/** Labels, the user, units: also when nothing was written, since an earlier run may have ended before this. */
async function prepare(options: InstallOptions, files: readonly HostFile[], inImage: boolean): Promise<void> {
  // Without its label systemd may not start it where SELinux is on (selinux policy, bin_t).
  if (await isThere(join(options.root, 'usr/sbin/restorecon'))) {
    const paths = [...files.map(({ path }) => path), ...(inImage ? [] : [executablePath])];
    await onHost(options, ['restorecon', '-F', ...paths]);
  }
  if (!inImage) await onHost(options, ['systemd-sysusers', 'varve.conf']);
  if (await isRunning(options)) await onHost(options, ['systemctl', 'daemon-reload']);
  if (!inImage) await onHost(options, ['systemctl', 'enable', 'varve-helper.socket', 'varve-agent.service']);
}

/** A restart hands the new identity to the agent's user, and takes up the new executable. */
async function start(options: InstallOptions, isNew: boolean): Promise<void> {
  if (!(await isRunning(options))) return;
  await onHost(options, ['systemctl', 'start', 'varve-helper.socket']);
  await onHost(options, ['systemctl', isNew ? 'restart' : 'start', 'varve-agent.service']);
}

/** False for a root that no system has booted: what is enabled starts with its next boot. */
async function isRunning({ root }: InstallOptions): Promise<boolean> {
  return await isThere(join(root, 'run/systemd/system'));
}

async function onHost({ root, signal }: InstallOptions, command: readonly string[]): Promise<void> {
  await inHostRoot('chroot', [root, ...command], { signal });
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
