// What the host was when the agent first saw it, in the sysroot at hand.
import type { Deployment, Sysroot } from '@varve/ostree';
import { readState, writeState } from '../../state/durable-file.ts';
import { type HostRecord, hostRecordSchema } from '../../state/host.ts';
import type { StagedConfig } from '../driver.ts';
import type { ImageTool } from '../image-tool.ts';
import { deploymentName } from './state.ts';

export interface HostRecordOptions {
  /** Of the record. */
  readonly path: string;
  readonly sysroot: Sysroot;
  readonly deployments: readonly Deployment[];
  /** Name of the deployment that runs. */
  readonly booted: string;
  readonly tool: Pick<ImageTool, 'imageKernelArguments'>;
}

/** Written when it is first asked for. */
export async function readHostRecord(options: HostRecordOptions): Promise<HostRecord> {
  const { path, sysroot, deployments, booted, tool } = options;
  const record = await readState(path, hostRecordSchema);
  if (record) return record;
  const running = deployments.find((deployment) => deploymentName(deployment) === booted);
  const brought = running ? await tool.imageKernelArguments(sysroot.deploymentPath(running)) : [];
  const first = {
    baseKernelArguments: [...(running?.kernelArguments ?? [])],
    imageKernelArguments: [...brought],
    adopted: deployments.map(deploymentName),
  };
  await writeState(path, first);
  return first;
}

/** What the host was installed with, with the arguments of the staged image instead of those that its first one brought. */
export async function baseKernelArguments(path: string, { kernelArguments = [] }: StagedConfig): Promise<string[]> {
  const record = await readState(path, hostRecordSchema);
  const own = [...(record?.baseKernelArguments ?? [])];
  for (const argument of record?.imageKernelArguments ?? []) {
    const index = own.lastIndexOf(argument);
    if (index >= 0) own.splice(index, 1);
  }
  return [...own, ...kernelArguments];
}
