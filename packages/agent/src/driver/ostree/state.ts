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
): Promise<HostDeployment> {
  const name = deploymentName(deployment);
  const root = sysroot.deploymentPath(deployment);
  const copy = await readApplied(new Tree(root));
  const applied = copy?.deployment === name ? copy : undefined;
  return {
    name,
    checksum: deployment.checksum,
    image: applied?.image ?? deployment.imageReference,
    imageDigest: deployment.imageDigest,
    kernelArguments: deployment.kernelArguments,
    applied,
    complete: applied !== undefined || record.adopted.includes(name),
    root,
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
