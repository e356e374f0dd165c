// Boot loader entries as OSTree writes them: https://uapi-group.org/specifications/specs/boot_loader_specification/ (type 1)
// and libostree's ostree-bootconfig-parser.c. Keys that are not ours are kept as they are.
import { OstreeError } from '../error.ts';

export interface BootEntry {
  /** File name in loader/entries: `ostree-N.conf`, or `ostree-N-STATEROOT.conf` from ostree before 2024.5. */
  readonly fileName: string;
  /** Keys and values, in the order of the file. */
  readonly fields: readonly (readonly [key: string, value: string])[];
  /** The entry with the highest version is booted. */
  readonly version: number;
  readonly kernelArguments: readonly string[];
  readonly boot: BootLink;
}

/** What the kernel argument `ostree=` says: which deployment the initramfs is to mount. */
export interface BootLink {
  readonly bootVersion: 0 | 1;
  readonly stateroot: string;
  readonly bootChecksum: string;
  /** Tells apart the deployments that have a kernel in common. */
  readonly serial: number;
}

const bootArgument = /^ostree=\/ostree\/boot\.([01])\/([^/]+)\/([0-9a-f]{64})\/(\d+)$/;

/** Parses an entry; undefined when it does not boot a deployment. */
export function parseBootEntry(fileName: string, text: string): BootEntry | undefined {
  const fields = parseFields(text);
  const words = (fieldOf(fields, 'options') ?? '').split(/\s+/).filter((word) => word !== '');
  const argument = words.find((word) => word.startsWith('ostree='));
  if (argument === undefined) return undefined;
  const boot = parseBootArgument(argument);
  const version = Number(fieldOf(fields, 'version'));
  if (boot === undefined || !Number.isSafeInteger(version)) {
    throw new OstreeError(
      'SYSROOT_INVALID',
      `the boot entry ${fileName} has the version ${fieldOf(fields, 'version')} and the option ${argument}, which OSTree does not write; repair or remove it`,
    );
  }
  return { fileName, fields, version, kernelArguments: words.filter((word) => word !== argument), boot };
}

export function formatBootEntry({ fields }: Pick<BootEntry, 'fields'>): string {
  return fields.map(([key, value]) => `${key} ${value}\n`).join('');
}

export function formatBootArgument({ bootVersion, stateroot, bootChecksum, serial }: BootLink): string {
  return `ostree=/ostree/boot.${bootVersion}/${stateroot}/${bootChecksum}/${serial}`;
}

function parseBootArgument(argument: string): BootLink | undefined {
  const [, version, stateroot, bootChecksum, serial] = bootArgument.exec(argument) ?? [];
  if (stateroot === undefined || bootChecksum === undefined || !isFileName(stateroot)) return undefined;
  return { bootVersion: version === '0' ? 0 : 1, stateroot, bootChecksum, serial: Number(serial) };
}

function parseFields(text: string): [string, string][] {
  const fields: [string, string][] = [];
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z][\w-]*)[ \t]+(.*?)[ \t]*$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) fields.push([match[1], match[2]]);
  }
  return fields;
}

function fieldOf(fields: readonly (readonly [string, string])[], key: string): string | undefined {
  return fields.find(([name]) => name === key)?.[1];
}

function isFileName(text: string): boolean {
  return text !== '.' && text !== '..';
}
