// A host from outside: what it runs, and making one in a directory.
import { fingerprintConfig } from '@varve/api';
import type { RegistryClientOptions } from '@varve/oci';
import { Sysroot } from '@varve/ostree';
import { bootDirectory, directoryBoot, machineBoot } from './boot/boot.ts';
import { staterootOf } from './boot/stateroot.ts';
import type { Drift } from './content/check.ts';
import { planContent } from './content/plan.ts';
import { SourceCache } from './content/source.ts';
import { hostDrift } from './drift/host-drift.ts';
import type { DriverName } from './driver/choose.ts';
import type { HostDeployment, StageProgress } from './driver/driver.ts';
import { rollbackDeployment } from './driver/kept.ts';
import { openDriver } from './driver/open.ts';
import { importFromRegistry } from './driver/ostree/import.ts';
import { prepareDeployment } from './driver/ostree/prepare.ts';
import { deploymentName } from './driver/ostree/state.ts';
import { readIdentity } from './enroll/identity.ts';
import { OwnNetwork } from './network/network.ts';
import { resolveImage } from './network/registry.ts';
import { writeState } from './state/durable-file.ts';
import { lockSysroot } from './state/lock.ts';
import { defaultStateroot, stateDirectoryOf, statePaths } from './state/paths.ts';

export interface HostStatus {
  /** With the version of its tool, if it has one. */
  readonly driver: string;
  readonly bootId: string;
  readonly booted: HostDeployment;
  readonly rollback: HostDeployment | undefined;
  /** Boots next; the booted one unless a boot is due. */
  readonly next: HostDeployment | undefined;
  /** What the running kernel was given, without `ostree=`. */
  readonly kernelArguments: readonly string[];
  readonly drift: readonly Drift[];
}

export interface HostOptions {
  readonly stateroot?: string;
  readonly stateDirectory?: string;
  /** Instead of the one that the host's tools speak for. */
  readonly driver?: DriverName | undefined;
  readonly signal?: AbortSignal;
}

/** What a host runs. Takes no lock: it can be asked beside its agent. */
export async function hostStatus(sysroot: string, options: HostOptions = {}): Promise<HostStatus> {
  const stateroot = await staterootOf(sysroot, options.stateroot);
  const paths = statePaths(options.stateDirectory ?? stateDirectoryOf(sysroot, stateroot));
  const boot = sysroot === '/' ? machineBoot : directoryBoot(sysroot, paths);
  const network = new OwnNetwork(async () => undefined, undefined);
  const { signal = new AbortController().signal } = options;
  const { driver, choice } = await openDriver({ ...options, sysroot, stateroot, paths, boot, network, signal });
  const host = await driver.status(signal);
  return {
    driver: choice.tool?.name ?? choice.name,
    bootId: host.bootId,
    booted: host.booted,
    rollback: rollbackDeployment(host),
    next: host.deployments[0],
    kernelArguments: host.bootedKernelArguments,
    drift: await hostDrift(host),
  };
}

export interface CreateHostOptions extends HostOptions {
  readonly sysroot: string;
  /** Image reference; a tag is resolved once. */
  readonly image: string;
  readonly kernelArguments: readonly string[];
  readonly registry?: RegistryClientOptions;
  readonly onProgress?: (progress: StageProgress) => void;
}

/** Makes a sysroot in a directory and deploys an image into it. A host that is there already is kept as it is. */
export async function createHost(options: CreateHostOptions): Promise<HostStatus> {
  const { sysroot, stateroot = defaultStateroot, signal = new AbortController().signal } = options;
  const target = await Sysroot.create(sysroot, { stateroot });
  const home = stateDirectoryOf(sysroot, stateroot);
  const paths = statePaths(options.stateDirectory ?? home);
  using _lock = lockSysroot(statePaths(home).lock);
  const present = (await target.deployments()).some((deployment) => deployment.stateroot === stateroot);
  if (!present) {
    const { registry, onProgress } = options;
    const network = new OwnNetwork(() => readIdentity(paths.identity), registry);
    const image = await resolveImage(options.image, await readIdentity(paths.identity), registry, signal);
    const commit = await importFromRegistry({ sysroot: target, image, network, signal, onProgress });
    const kernelArguments = options.kernelArguments;
    const deployment = await target.deploy({ commit, stateroot, imageReference: image, kernelArguments, signal });
    const name = deploymentName(deployment);
    await writeState(paths.host, {
      baseKernelArguments: [...kernelArguments],
      imageKernelArguments: [],
      adopted: [name],
    });
    await prepareDeployment({
      root: target.deploymentPath(deployment),
      name,
      config: undefined,
      image,
      kernelArguments,
      plan: planContent({}),
      fingerprint: fingerprintConfig({}),
      sources: new SourceCache(paths.sources, network),
      formerly: undefined,
      signal,
    });
    await bootDirectory(sysroot, paths);
  }
  return await hostStatus(sysroot, options);
}
