// What brings images onto a host: Varve's own importer, or the tool of the host's distribution. A deployment of what was
// brought is made by the OSTree driver in every case: the `/etc` of a deployment that bootc or rpm-ostree staged comes
// into being at shutdown, too late to write files into it and to look at them before they count.
import type { MachineConfigSpec } from '@varve/api';
import type { Deployment, OstreeChecksum, Sysroot } from '@varve/ostree';
import type { HostAbilities } from '../content/plan.ts';
import type { Network } from '../network/network.ts';
import type { HostDeployment, StageProgress } from './driver.ts';

export interface FetchPlace {
  /** Of the deployment that runs. */
  readonly root: string;
  /** A directory of root's for what is needed for a while. */
  readonly workspace: string;
}

export interface FetchRequest extends FetchPlace {
  readonly sysroot: Sysroot;
  readonly stateroot: string;
  /** By digest. */
  readonly image: string;
  /** Names the kernel and the packages that come on top of the image. */
  readonly spec: MachineConfigSpec;
  /** A deployment of that image which is there already. */
  readonly deployed: Deployment | undefined;
  /** Keeps a commit from being pruned; before what holds it goes away. */
  readonly pin: (commit: OstreeChecksum) => Promise<void>;
  /** The host has a signature policy that the tool can hold the image to as well. */
  readonly enforcePolicy: boolean;
  /** For what the tool does not fetch itself. */
  readonly network: Network;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
}

export interface FetchedImage {
  readonly commit: OstreeChecksum;
  /** Content of the deployment's origin file, where the tool wants more in it than the image. */
  readonly origin?: string | undefined;
  /** Kernel arguments that the image brings along. */
  readonly kernelArguments: readonly string[];
}

export interface ImageTool {
  /** With its version, for people. */
  readonly name: string;
  readonly abilities: HostAbilities;
  /**
   * Name of the deployment that the tool takes for the booted one; undefined when it knows none. Throws DRIVER_UNSUITABLE
   * where it would lose something.
   */
  booted(signal: AbortSignal): Promise<string | undefined>;
  /** The image's commit in the repository. When it returns, nothing else boots than before, and nothing is staged. */
  fetch(request: FetchRequest): Promise<FetchedImage>;
  /** Clears away what a killed fetch left on the host. */
  recover(place: FetchPlace): Promise<void>;
  /** What the tool makes the next boot at shutdown, because somebody else told it so. */
  pending(sysroot: Sysroot, signal: AbortSignal): Promise<HostDeployment | undefined>;
  /** Takes away what is staged, whoever staged it. */
  discardStaged(signal: AbortSignal): Promise<void>;
  /** Kernel arguments that the image of the deployment in `root` brings along. */
  imageKernelArguments(root: string): Promise<readonly string[]>;
  /** Makes the deployment before the booted one the next boot; false when it is another one than this. */
  rollBackTo(name: string, signal: AbortSignal): Promise<boolean>;
}
