// Deployments of a sysroot as the reconciler sees them.
import { parseImageReference } from '@varve/oci';
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
    // A commit with packages on top of an image does not say of which; who made the deployment knows.
    imageDigest: deployment.imageDigest ?? (applied ? parseImageReference(applied.image).digest : undefined),
    kernelArguments: deployment.kernelArguments,
    applied,
    complete: applied !== undefined || record.adopted.includes(name),
    pinned: deployment.pinned,
    root,
    varDirectory: varDirectory ?? (root === '/' ? undefined : '/var'),
  };
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
