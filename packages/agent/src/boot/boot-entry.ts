// Boot loader entries: what a machine with this sysroot would boot. The format is the Boot Loader Specification's
// (uapi-group.org/specifications/specs/boot_loader_specification, type #1); OSTree gives the next boot the highest version.
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { atOneMoment } from '@varve/ostree';
import { AgentError } from '../error.ts';

export interface BootEntry {
  readonly version: number;
  /** `/ostree/boot.B/STATEROOT/BOOTCSUM/SERIAL`, a link to a deployment. */
  readonly ostree: string;
  /** Without `ostree=`. */
  readonly kernelArguments: readonly string[];
  readonly linux: string;
  readonly initrd: string | undefined;
}

/** Undefined when the entry boots something else than an OSTree deployment. */
export function parseBootEntry(text: string): BootEntry | undefined {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z0-9_-]+)[ \t]+(.*)$/.exec(line.trim());
    if (match?.[1] && match[2] !== undefined && !values.has(match[1])) values.set(match[1], match[2].trim());
  }
  const { ostree, kernelArguments } = parseCommandLine(values.get('options') ?? '');
  const linux = values.get('linux');
  if (!ostree || !linux) return undefined;
  const version = Number(values.get('version') ?? 0);
  return {
    version: Number.isFinite(version) ? version : 0,
    ostree,
    kernelArguments,
    linux,
    initrd: values.get('initrd'),
  };
}

/** A kernel command line, taken apart at spaces; OSTree writes no quoted arguments. */
export function parseCommandLine(text: string): { ostree: string | undefined; kernelArguments: string[] } {
  const words = text.split(/\s+/).filter((word) => word !== '');
  const ostree = words.find((word) => word.startsWith('ostree='))?.slice('ostree='.length);
  return { ostree, kernelArguments: words.filter((word) => !word.startsWith('ostree=')) };
}

/** What GRUB and systemd-boot add to the options of an entry, and Varve's own GRUB configuration. */
const addedByBootLoader = /^(BOOT_IMAGE|initrd|varve\.entry|varve\.fallback)=/;

/** /proc/cmdline: without what the boot loader added, and whether that says that it gave up the entry before. */
export function parseRunningCommandLine(text: string): {
  ostree: string | undefined;
  kernelArguments: string[];
  fellBack: boolean;
} {
  const { ostree, kernelArguments } = parseCommandLine(text);
  return {
    ostree,
    kernelArguments: kernelArguments.filter((word) => !addedByBootLoader.test(word)),
    fellBack: kernelArguments.includes('varve.fallback=1'),
  };
}

/** The entry that a boot loader takes by default. BOOT_FAILED when there is none, or when its kernel is missing. */
export async function firstBootEntry(sysroot: string): Promise<BootEntry> {
  const directory = join(sysroot, 'boot/loader/entries');
  const entries: BootEntry[] = [];
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.endsWith('.conf')) continue;
    const entry = parseBootEntry(await readFile(join(directory, name), 'utf8'));
    if (entry) entries.push(entry);
  }
  const [first] = entries.sort((a, b) => b.version - a.version);
  if (!first)
    throw new AgentError('BOOT_FAILED', `${directory} has no entry of an OSTree deployment; deploy an image first`);
  for (const path of [first.linux, ...(first.initrd ? [first.initrd] : [])]) await checkBootFile(sysroot, path);
  return first;
}

/** Name (`<checksum>.<serial>`) of the deployment that an `ostree=` argument leads to. */
export async function deploymentOf(sysroot: string, ostree: string): Promise<string> {
  const link = join(sysroot, ostree);
  try {
    const target = resolve(dirname(link), await readlink(link));
    const name = basename(target);
    if (/^[0-9a-f]{64}\.[0-9]+$/.test(name) && (await stat(target)).isDirectory()) return name;
  } catch (cause) {
    throw new AgentError(
      'BOOT_FAILED',
      `${link} leads to no deployment; run \`ostree admin cleanup\` and deploy again`,
      { cause },
    );
  }
  throw new AgentError('BOOT_FAILED', `${link} leads to something else than a deployment`);
}

/** The first boot entry, and the name of the deployment that it leads to, at one moment. */
export async function firstDeployment(sysroot: string): Promise<{ entry: BootEntry; name: string }> {
  return await atOneMoment(sysroot, async () => {
    const entry = await firstBootEntry(sysroot);
    return { entry, name: await deploymentOf(sysroot, entry.ostree) };
  });
}

/** A path of an entry is relative to the boot file system, which may or may not be one of its own. */
async function checkBootFile(sysroot: string, path: string): Promise<void> {
  for (const candidate of [join(sysroot, 'boot', path), join(sysroot, path)]) {
    if ((await stat(candidate).catch(() => undefined))?.isFile()) return;
  }
  throw new AgentError(
    'BOOT_FAILED',
    `${path}, which the first boot entry names, is missing below ${join(sysroot, 'boot')}`,
  );
}
