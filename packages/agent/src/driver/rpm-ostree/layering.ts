// Packages on top of an image: what a config asks for, what a deployment has, and the commands between the two. Pure.
import { type KernelType, kernelTypeOf, type MachineConfigSpec } from '@varve/api';
import { AgentError } from '../../error.ts';
import type { RpmOstreeDeployment } from './status.ts';

export interface Layering {
  /** Without those of the kernel. Sorted. */
  readonly packages: readonly string[];
  readonly kernelType: KernelType;
}

/**
 * Packages behind the names of extensions (machine-config-operator docs/MachineConfiguration.md, "RHCOS extensions"). Any
 * other name is a package's own.
 */
const extensionPackages: ReadonlyMap<string, readonly string[]> = new Map([
  ['ipsec', ['NetworkManager-libreswan', 'libreswan']],
  ['kerberos', ['krb5-workstation', 'libkadm5']],
  ['kernel-devel', ['kernel-devel', 'kernel-headers']],
  ['sandboxed-containers', ['kata-containers']],
  ['two-node-ha', ['fence-agents-all', 'pacemaker', 'pcs']],
]);

/** Begins the names of a kernel's packages; the default one's are `kernel`, `kernel-core`, `kernel-modules` … */
const kernelPrefixes: Readonly<Record<Exclude<KernelType, 'default'>, string>> = {
  realtime: 'kernel-rt-',
  '64k-pages': 'kernel-64k-',
};

/** Parts of a kernel. Each kernel has them under its own name; which ones there are differs by release. */
const kernelPackage = /^kernel(?:-(?:core|modules|modules-core|modules-extra))?$/;

/** The name of a package, and never an option, a path or an address. */
const packageName = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;

/** Throws CONFIG_UNSUPPORTED with the field. */
export function wantedLayering(spec: MachineConfigSpec): Layering {
  const packages = new Set<string>();
  for (const [index, name] of (spec.extensions ?? []).entries()) {
    if (!packageName.test(name)) {
      throw new AgentError('CONFIG_UNSUPPORTED', `spec.extensions[${index}]: ${JSON.stringify(name)} names no package`);
    }
    for (const one of extensionPackages.get(name) ?? [name]) packages.add(one);
  }
  return { packages: [...packages].sort(), kernelType: kernelTypeOf(spec) };
}

export function presentLayering(deployment: RpmOstreeDeployment): Layering {
  const requested = deployment['requested-packages'];
  const packages = requested.filter((name) => kernelTypeOfPackage(name) === undefined).sort();
  const kernelType = requested.map(kernelTypeOfPackage).find((type) => type !== undefined) ?? 'default';
  return { packages, kernelType };
}

export function isSameLayering(a: Layering, b: Layering): boolean {
  return a.kernelType === b.kernelType && a.packages.join(' ') === b.packages.join(' ');
}

/**
 * To another image, with these packages in the same transaction; or to these packages on the image that is there.
 * `outdated`: the packages that are there came from elsewhere than they are to come from now.
 */
export function imageCommand(
  present: RpmOstreeDeployment,
  reference: string,
  wanted: Layering,
  outdated = false,
): readonly string[] | undefined {
  const has = presentLayering(present).packages;
  const install = wanted.packages.filter((name) => !has.includes(name));
  const uninstall = has.filter((name) => !wanted.packages.includes(name));
  if (present['container-image-reference'] !== reference) {
    // The same reference would be refused as no rebase.
    const options = [...install.map((name) => `--install=${name}`), ...uninstall.map((name) => `--uninstall=${name}`)];
    return ['rebase', '--lock-finalization', ...options, reference];
  }
  if (install.length > 0) {
    const options = uninstall.map((name) => `--uninstall=${name}`);
    return ['install', '--lock-finalization', '--assumeyes', ...options, ...install];
  }
  if (uninstall.length > 0) return ['uninstall', '--lock-finalization', '--assumeyes', ...uninstall];
  return outdated ? ['upgrade', '--lock-finalization'] : undefined;
}

/**
 * From one kernel to another: the image's own packages are taken away, and their counterparts put in their place.
 * `available`: the kernel packages that the image has.
 */
export function kernelCommands(
  present: RpmOstreeDeployment,
  wanted: KernelType,
  available: readonly string[],
): (readonly string[])[] {
  const { kernelType } = presentLayering(present);
  if (kernelType === wanted) return [];
  const commands: (readonly string[])[] = [];
  const removed = present['requested-base-removals'].filter(isKernelPackage);
  if (kernelType !== 'default') {
    const old = present['requested-packages'].filter((name) => kernelTypeOfPackage(name) !== undefined);
    const uninstall = old.map((name) => `--uninstall=${name}`);
    commands.push(['override', 'reset', '--lock-finalization', ...uninstall, ...removed]);
  }
  if (wanted !== 'default') {
    const own = [...new Set([...available, ...removed])].filter(isKernelPackage).sort();
    const prefix = kernelPrefixes[wanted];
    const counterparts = own
      .filter((name) => name !== 'kernel')
      .map((name) => `--install=${prefix}${name.slice('kernel-'.length)}`);
    commands.push(['override', 'remove', '--lock-finalization', ...own, ...counterparts]);
  }
  return commands;
}

/** Whether it is a part of the image's own kernel. */
export function isKernelPackage(name: string): boolean {
  return kernelPackage.test(name);
}

function kernelTypeOfPackage(name: string): Exclude<KernelType, 'default'> | undefined {
  if (name.startsWith(kernelPrefixes.realtime)) return 'realtime';
  return name.startsWith(kernelPrefixes['64k-pages']) ? '64k-pages' : undefined;
}
