// Another order of the boot entries, as pure data: what libostree computes when deployments are written in another order
// (ostree-sysroot-deploy.c, ostree_sysroot_write_deployments_with_options and assign_bootserials).
import { type BootEntry, formatBootArgument, formatBootEntry } from './boot-entry.ts';

/** A boot entry together with the deployment directory that it boots, relative to /ostree/deploy. */
export interface BootableDeployment {
  readonly entry: BootEntry;
  readonly directory: string;
}

export interface BootOrder {
  readonly bootVersion: 0 | 1;
  /** Files of loader.N/entries. */
  readonly entries: readonly { readonly fileName: string; readonly text: string }[];
  /** Symbolic links of /ostree/boot.N: path and target. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
}

/** Plans the boot version that follows the present one, with the deployments in the given order, the first being booted. */
export function planBootOrder(deployments: readonly BootableDeployment[], bootVersion: 0 | 1): BootOrder {
  const serials = new Map<string, number>();
  const entries: { fileName: string; text: string }[] = [];
  const links: { path: string; target: string }[] = [];
  for (const [index, { entry, directory }] of deployments.entries()) {
    const { stateroot, bootChecksum } = entry.boot;
    const serial = serials.get(bootChecksum) ?? 0;
    serials.set(bootChecksum, serial + 1);
    const version = deployments.length - index;
    const boot = formatBootArgument({ bootVersion, stateroot, bootChecksum, serial });
    entries.push({
      fileName: entry.fileName.replace(/^ostree-\d+/, `ostree-${version}`),
      text: formatBootEntry({ fields: entry.fields.map((field) => rewriteField(field, index, version, boot)) }),
    });
    links.push({ path: `${stateroot}/${bootChecksum}/${serial}`, target: `../../../deploy/${directory}` });
  }
  return { bootVersion, entries, links };
}

function rewriteField(
  [key, value]: readonly [string, string],
  index: number,
  version: number,
  boot: string,
): [string, string] {
  if (key === 'version') return [key, String(version)];
  if (key === 'title') return [key, value.replace(/\(ostree:\d+/, `(ostree:${index}`)];
  if (key === 'options') return [key, value.replace(/(?<=^|\s)ostree=\S+/, boot)];
  return [key, value];
}
