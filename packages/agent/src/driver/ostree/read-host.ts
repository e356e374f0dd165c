// Load actual: the host as its sysroot, its boot and the agent's own records have it.
import { join } from 'node:path';
import { Sysroot } from '@varve/ostree';
import type { Boot } from '../../boot/boot.ts';
import { AgentError } from '../../error.ts';
import { readFailed } from '../../health/failed-target.ts';
import { probationSchema } from '../../health/probation.ts';
import { readState } from '../../state/durable-file.ts';
import type { StatePaths } from '../../state/paths.ts';
import type { HostState } from '../driver.ts';
import type { ImageTool } from '../image-tool.ts';
import { listDeployments } from './deployments.ts';
import { readHostRecord } from './host-record.ts';
import { readStaged } from './staged-commit.ts';
import { describeDeployment } from './state.ts';

export interface ReadHostOptions {
  /** Path of the sysroot; `/` on a booted host. */
  readonly sysroot: string;
  readonly stateroot: string;
  readonly paths: StatePaths;
  readonly boot: Boot;
  readonly tool: ImageTool;
}

/** Throws BOOT_FAILED when what runs is not among the deployments. */
export async function readHost(options: ReadHostOptions, signal: AbortSignal): Promise<HostState> {
  const { stateroot, paths, boot, tool } = options;
  const sysroot = await Sysroot.open(options.sysroot);
  const running = await boot.booted();
  const found = await listDeployments(sysroot, stateroot);
  const booting = { path: paths.host, sysroot, deployments: found, booted: running.deployment, tool };
  const record = await readHostRecord(booting);
  const place = { running: running.deployment, varDirectory: varDirectoryOf(options) };
  const deployments = await Promise.all(
    found.map((deployment) => describeDeployment(sysroot, deployment, record, place)),
  );
  const pending = await tool.pending(sysroot, signal);
  if (pending) deployments.unshift(pending);
  const booted = deployments.find((deployment) => deployment.name === running.deployment);
  if (!booted) {
    throw new AgentError(
      'BOOT_FAILED',
      `the booted deployment ${running.deployment} is not among those of ${sysroot.path}; boot another one`,
    );
  }
  return {
    deployments,
    booted,
    bootId: running.bootId,
    bootedKernelArguments: running.kernelArguments,
    baseKernelArguments: record.baseKernelArguments,
    staged: await readStaged(sysroot, paths.staged),
    probation: await readState(paths.probation, probationSchema),
    failed: await readFailed(paths.failed),
    bootFellBack: running.fellBack,
  };
}

/** Undefined on a booted host, where it is the root's. */
function varDirectoryOf({ sysroot, stateroot }: ReadHostOptions): string | undefined {
  return sysroot === '/' ? undefined : join(sysroot, 'ostree/deploy', stateroot, 'var');
}
