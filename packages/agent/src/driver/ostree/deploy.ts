// Makes a deployment of what was staged: the tree, the kernel arguments, the config's own files and those that all
// deployments share. Nothing boots it yet.
import { fingerprintConfig } from '@varve/api';
import { type Deployment, parseChecksum, type Sysroot } from '@varve/ostree';
import type { ContentPlan } from '../../content/plan.ts';
import type { SourceCache } from '../../content/source.ts';
import type { VerifiedTarget } from '../../helper/verify.ts';
import type { LiveHost } from '../../live/live-host.ts';
import type { HostState, StagedConfig } from '../driver.ts';
import { findDeployment } from './deployments.ts';
import { prepareDeployment } from './prepare.ts';
import { deploymentName } from './state.ts';

export interface DeployStagedOptions {
  readonly sysroot: Sysroot;
  readonly stateroot: string;
  readonly host: HostState;
  readonly staged: StagedConfig;
  readonly target: VerifiedTarget;
  readonly plan: ContentPlan;
  readonly kernelArguments: readonly string[];
  readonly sources: SourceCache;
  readonly live: LiveHost;
  readonly signal: AbortSignal;
  readonly onStep: (message: string) => void;
}

/** What it began is taken away again when it fails. */
export async function deployStaged(options: DeployStagedOptions): Promise<Deployment> {
  const { sysroot, stateroot, host, staged, kernelArguments, signal } = options;
  options.onStep('writing the new deployment');
  const deployment = await sysroot.deploy({
    commit: parseChecksum(staged.checksum),
    stateroot,
    imageReference: staged.image,
    origin: staged.origin,
    kernelArguments,
    mergeFrom: await findDeployment(sysroot, stateroot, host.booted.name),
    signal,
  });
  try {
    await fill(deployment, options);
  } catch (error) {
    await sysroot.undeploy(deployment).catch(() => {});
    throw error;
  }
  return deployment;
}

async function fill(deployment: Deployment, options: DeployStagedOptions): Promise<void> {
  const { sysroot, host, staged, target, plan, kernelArguments, sources, live, signal, onStep } = options;
  onStep('writing files and units');
  const prepared = await prepareDeployment({
    root: sysroot.deploymentPath(deployment),
    name: deploymentName(deployment),
    config: target.config,
    image: staged.image,
    kernelArguments,
    plan,
    fingerprint: fingerprintConfig(target.spec),
    sources,
    formerly: host.booted.applied,
    signal,
  });
  onStep('writing files that deployments share');
  await live.placePrepared(host, prepared, signal);
}
