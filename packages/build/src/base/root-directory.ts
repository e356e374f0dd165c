// Turns what mmdebstrap made into the tree of an OSTree image. docs/images.md describes the result.
import { createReadStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { runCommand } from '../command.ts';
import { BuildError } from '../error.ts';

/** Files that this package adds to a base image, with the modes that they have here; root owns them in the image. */
export const overlayDirectory = join(import.meta.dirname, 'overlay');

/** Records of the package manager: part of the image, so they live in /usr, and their usual places link to them. */
const packageRecords = [
  ['var/lib/dpkg', 'dpkg'],
  ['var/lib/ucf', 'ucf'],
  ['var/lib/pam', 'pam'],
  ['var/lib/systemd/deb-systemd-helper-enabled', 'deb-systemd-helper-enabled'],
  ['var/lib/systemd/deb-systemd-user-helper-enabled', 'deb-systemd-user-helper-enabled'],
] as const;

/** Directories that a host owns: their content is the host's, so they are links into /var or /run. */
const hostDirectories = [
  ['home', 'var/home'],
  ['root', 'var/roothome'],
  ['srv', 'var/srv'],
  ['mnt', 'var/mnt'],
] as const;

/** What differs from build to build or from host to host, and caches. */
const perBuildFiles = [
  'etc/.resolv.conf.systemd-resolved.bak',
  'etc/.pwd.lock',
  'etc/passwd-',
  'etc/group-',
  'etc/shadow-',
  'etc/gshadow-',
  'etc/subuid-',
  'etc/subgid-',
  'etc/apt/sources.list',
  'etc/apt/apt.conf.d/99mmdebstrap',
  'etc/dpkg/dpkg.cfg.d/99mmdebstrap',
  'usr/lib/sysimage/dpkg/available',
  'usr/lib/sysimage/dpkg/status-old',
  'usr/lib/sysimage/dpkg/diversions-old',
  'usr/lib/sysimage/dpkg/statoverride-old',
  'usr/lib/sysimage/dpkg/lock',
  'usr/lib/sysimage/dpkg/lock-frontend',
  'usr/lib/sysimage/dpkg/triggers/Lock',
  // Without this list apt counts every package of the base as wanted, and `autoremove` in a derived build spares it.
  'var/lib/apt/extended_states',
  'var/lib/shells.state',
  'var/lib/systemd/catalog/database',
  'initrd.img',
  'initrd.img.old',
  'vmlinuz',
  'vmlinuz.old',
];

/** Emptied: kernels leave through the hook, the others are filled by whoever runs the image. */
const emptyDirectories = ['boot', 'dev', 'proc', 'sys', 'run', 'tmp', 'var/log', 'var/lib/apt/lists', 'var/roothome'];

interface RunInRootOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
}

/** Runs a command with `root` as its root directory, /proc mounted, in mount and process namespaces of its own. */
async function runInRoot(root: string, command: readonly string[], options: RunInRootOptions): Promise<string> {
  const args = ['--mount', '--pid', '--fork', '--kill-child', `--root=${root}`, '--mount-proc', '--', ...command];
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', HOME: '/root', TMPDIR: '/tmp' };
  return runCommand('unshare', args, { ...options, env, killSignal: 'SIGKILL', timeout: 10 * 60_000 });
}

/** Copies the overlay into a root directory: 0755 for directories and executables, 0644 for files, all root's. */
export async function copyOverlay(root: string): Promise<void> {
  for (const entry of await fs.readdir(overlayDirectory, { recursive: true, withFileTypes: true })) {
    const source = join(entry.parentPath, entry.name);
    const target = join(root, source.slice(overlayDirectory.length));
    if (entry.isDirectory()) {
      await fs.mkdir(target, { recursive: true });
      continue;
    }
    await fs.mkdir(dirname(target), { recursive: true });
    await fs.copyFile(source, target);
    await fs.chmod(target, ((await fs.stat(source)).mode & 0o100) === 0 ? 0o644 : 0o755);
    await fs.chown(target, 0, 0);
  }
}

/** Puts dracut's kernel hooks, which write to /boot, out of the way of the overlay's, here and in derived builds. */
export async function divertKernelHooks(root: string, options: RunInRootOptions): Promise<void> {
  for (const hook of ['/etc/kernel/postinst.d/dracut', '/etc/kernel/postrm.d/dracut']) {
    await runInRoot(root, ['dpkg-divert', '--quiet', '--local', '--rename', '--add', hook], options);
  }
}

/** Puts each kernel and a new initramfs into /usr/lib/modules. Returns the kernel's version. */
export async function installKernel(root: string, options: RunInRootOptions): Promise<string> {
  const versions = await fs.readdir(join(root, 'usr/lib/modules'));
  const [version] = versions;
  if (version === undefined || versions.length > 1) {
    throw new BuildError('BASE_BUILD_FAILED', `the packages brought ${versions.length} kernels; a base image has one`);
  }
  await runInRoot(root, ['/etc/kernel/postinst.d/zz-varve-ostree', version, `/boot/vmlinuz-${version}`], options);
  return version;
}

/** Enables what the overlay's preset names. */
export async function applyPreset(root: string, options: RunInRootOptions): Promise<void> {
  // Debian 12 ships the unit where nothing finds it; /tmp of a host must not be part of its OS tree.
  const unit = join(root, 'usr/lib/systemd/system/tmp.mount');
  if (!(await exists(unit))) await fs.copyFile(join(root, 'usr/share/systemd/tmp.mount'), unit);
  const units: string[] = [];
  for await (const line of createInterface(
    createReadStream(join(root, 'usr/lib/systemd/system-preset/50-varve.preset')),
  )) {
    const unitName = /^(?:enable|disable) (?<unit>\S+)$/.exec(line)?.groups?.unit;
    if (unitName !== undefined) units.push(unitName);
  }
  await runInRoot(root, ['systemctl', 'preset', ...units], options);
}

/** Gives the tree OSTree's layout and removes what belongs to one build or one host. */
export async function layOut(root: string): Promise<void> {
  for (const [path, target] of hostDirectories) {
    await fs.rename(join(root, path), join(root, target));
    await fs.symlink(target, join(root, path));
  }
  await fs.rm(join(root, 'media'), { recursive: true });
  await fs.symlink('run/media', join(root, 'media'));
  // Content of /opt comes from packages: it belongs to the image, and only /usr is read-only on every host.
  await fs.rename(join(root, 'opt'), join(root, 'usr/lib/opt'));
  await fs.symlink('usr/lib/opt', join(root, 'opt'));
  await fs.mkdir(join(root, 'sysroot'));
  await fs.symlink('sysroot/ostree', join(root, 'ostree'));
  await movePackageRecords(root);
  for (const path of perBuildFiles) await fs.rm(join(root, path), { force: true });
  for (const path of emptyDirectories) await emptyDirectory(join(root, path));
  await forgetIdentity(root);
}

async function movePackageRecords(root: string): Promise<void> {
  await fs.mkdir(join(root, 'usr/lib/sysimage'), { recursive: true });
  const lines: string[] = [];
  for (const [path, name] of packageRecords) {
    if (!(await exists(join(root, path)))) continue;
    const link = `${'../'.repeat(path.split('/').length - 1)}usr/lib/sysimage/${name}`;
    await fs.rename(join(root, path), join(root, 'usr/lib/sysimage', name));
    await fs.symlink(link, join(root, path));
    lines.push(`L /${path} - - - - ${link}\n`);
  }
  const text = `# The package manager's records belong to the image.\n${lines.join('')}`;
  await fs.writeFile(join(root, 'usr/lib/tmpfiles.d/varve-records.conf'), text);
}

async function forgetIdentity(root: string): Promise<void> {
  // Empty, not absent: systemd then makes an id at boot without taking the host for one that was never set up
  // (machine-id(5), "First Boot Semantics").
  await fs.writeFile(join(root, 'etc/machine-id'), '');
  await fs.writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost\n::1 localhost\n');
  // buildah mounts its own files over these two, and leaves an empty file in the image where there was none.
  await fs.writeFile(join(root, 'etc/hostname'), '');
  await fs.rm(join(root, 'etc/resolv.conf'), { force: true });
  await fs.symlink('../run/systemd/resolve/stub-resolv.conf', join(root, 'etc/resolv.conf'));
  for (const name of await fs.readdir(join(root, 'etc/ssh'))) {
    if (/^ssh_host_.*_key(\.pub)?$/.test(name)) await fs.rm(join(root, 'etc/ssh', name));
  }
}

/** Empties caches and declares the directories of /var, as a derived build does at its end. */
export async function commit(root: string, options: RunInRootOptions): Promise<void> {
  await runInRoot(root, ['ostree', 'container', 'commit'], options);
}

/** The time of the newest package, in seconds since 1970: the same packages give the same one. */
export async function newestPackageTime(root: string): Promise<number> {
  const directory = join(root, 'usr/lib/sysimage/dpkg/info');
  let newest = 0;
  for (const name of await fs.readdir(directory)) {
    // dpkg keeps the dates of the control files, and writes the others at installation.
    if (!name.endsWith('.md5sums')) continue;
    newest = Math.max(newest, Math.floor((await fs.stat(join(directory, name))).mtimeMs / 1000));
  }
  return newest;
}

/** Sets the day of the last password change of every user (shadow(5), third field): installation writes the current day. */
export async function clampShadow(root: string, time: number): Promise<void> {
  const path = join(root, 'etc/shadow');
  const day = Math.floor(time / 86_400);
  const lines = (await fs.readFile(path, 'utf8')).split('\n');
  const clamped = lines.map((line) => line.replace(/^([^:]*:[^:]*):[0-9]+:/, `$1:${day}:`));
  await fs.writeFile(path, clamped.join('\n'));
}

/** Writes a file of the image below its root, with its directories. */
export async function writeFileInRoot(root: string, path: string, text: string): Promise<void> {
  await fs.mkdir(dirname(join(root, path)), { recursive: true });
  await fs.writeFile(join(root, path), text, { mode: 0o644 });
}

/** Copies a keyring that a source names, unless a package already brought it. */
export async function copyKeyring(root: string, path: string): Promise<void> {
  const target = join(root, path);
  if (await exists(target)) return;
  await fs.mkdir(dirname(target), { recursive: true });
  await fs.copyFile(path, target);
  await fs.chmod(target, 0o644);
}

async function emptyDirectory(path: string): Promise<void> {
  for (const name of await fs.readdir(path)) await fs.rm(join(path, basename(name)), { recursive: true });
}

async function exists(path: string): Promise<boolean> {
  try {
    await fs.lstat(path);
    return true;
  } catch {
    return false;
  }
}
