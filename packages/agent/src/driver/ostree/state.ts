// Deployments of a sysroot as the reconciler sees them.
import type { Deployment, Sysroot } from '@varve/ostree';
import { type AppliedConfig, appliedConfigPath, appliedConfigSchema } from '../../content/entry.ts';
import { isErrno } from '../../state/durable-file.ts';
import type { HostRecord } from '../../state/host.ts';
import { Tree } from '../../tree/tree.ts';
import type { HostDeployment } from '../driver.ts';

export function deploymentName({ checksum, serial }: Pick<Deployment, 'checksum' | 'serial'>): string {
  return `${checksum}.${serial}`;
}

export async function describeDeployment(
  sysroot: Sysroot,
  deployment: Deployment,
  record: HostRecord,
  { running, varDirectory }: { readonly running: string; readonly varDirectory: string | undefined },
): Promise<HostDeployment> {
  const name = deploymentName(deployment);
  // What runs is reached through the root: below /sysroot it may be read-only.
  const root = varDirectory === undefined && name === running ? '/' : sysroot.deploymentPath(deployment);
  const copy = await readApplied(new Tree(root));
  const applied = copy?.deployment === name ? copy : undefined;
  return {
    name,
    checksum: deployment.checksum,
    image: applied?.image ?? deployment.imageReference,
    // Who made the deployment knows as what the image was asked for. Its commit tells the manifest, which is another one
    // where an index was named, and with packages on top of an image it tells nothing.
    imageDigest: digestIn(applied?.image) ?? deployment.imageDigest,
    kernelArguments: deployment.kernelArguments,
    applied,
    complete: applied !== undefined || record.adopted.includes(name),
    pinned: deployment.pinned,
    root,
    varDirectory: varDirectory ?? (root === '/' ? undefined : '/var'),
  };
}

function digestIn(image: string | undefined): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(image ?? '')?.[1];
}

/** The record in a tree, be it its own or a copy that the /etc merge made; undefined when there is none to trust. */
export async function readApplied(tree: Tree): Promise<AppliedConfig | undefined> {
  const text = (await tree.readFile(appliedConfigPath))?.toString('utf8');
  if (text === undefined) return undefined;
  try {
    return appliedConfigSchema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError || isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
