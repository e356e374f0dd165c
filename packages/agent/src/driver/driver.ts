// What the agent needs of a host. One driver per way in which image-based hosts are updated; the reconciler knows no other.
import type { Action, DriftPolicy } from '@varve/api';
import type { Drift } from '../content/check.ts';
import type { AppliedConfig, AppliedOutline } from '../content/entry.ts';
import type { FailedTarget } from '../health/failed-target.ts';
import type { Probation } from '../health/probation.ts';
import type { CheckResult } from '../health/result.ts';
import type { VerifiedTarget } from '../helper/verify.ts';

/** A deployment as the network side of the agent is told of it, which is not root. */
export interface DeploymentOutline {
  /** Unique on the host; for OSTree `<checksum>.<serial>`. */
  readonly name: string;
  /** OSTree commit. */
  readonly checksum: string;
  /** Reference of the image, without a signature scheme. */
  readonly image: string | undefined;
  /** By which the image is named: of its manifest, or of an index that holds it; of the manifest where nobody knows the name. */
  readonly imageDigest: string | undefined;
  /** Without `ostree=`. */
  readonly kernelArguments: readonly string[];
  /** What was written into it; absent on a deployment that this agent did not complete. */
  readonly applied: AppliedOutline | undefined;
  /** False for one that an apply left half-made; only such ones may vanish. */
  readonly complete: boolean;
  /** Somebody wants it kept (ostree-admin-pin(1)). */
  readonly pinned?: boolean | undefined;
  /** Where its files lie. */
  readonly root: string;
  /** Where its /var lies when that is not below `root`. */
  readonly varDirectory?: string | undefined;
}

export interface HostDeployment extends DeploymentOutline {
  readonly applied: AppliedConfig | undefined;
}

export interface StagedConfig {
  readonly config: string;
  readonly image: string;
  readonly checksum: string;
  /** Content of the deployment's origin file; absent when the image's name is all that goes into it. */
  readonly origin?: string | undefined;
  /** Kernel arguments that the image brings along. */
  readonly kernelArguments?: readonly string[] | undefined;
  /** By which signature policy the image is good (`acceptanceOf`); absent when none was in force. */
  readonly acceptance?: string | undefined;
}

/** A host as the network side is told of it. */
export interface HostOutline {
  /** The first one is the next boot. */
  readonly deployments: readonly DeploymentOutline[];
  readonly booted: DeploymentOutline;
  /** Another one after every boot. */
  readonly bootId: string;
  /** What the running kernel was given, without `ostree=`. */
  readonly bootedKernelArguments: readonly string[];
  /** What the host was installed with; a config's arguments come after them. */
  readonly baseKernelArguments: readonly string[];
  readonly staged: StagedConfig | undefined;
  /** The update that has not proved itself yet. */
  readonly probation: Probation | undefined;
  /** What is not tried again here. */
  readonly failed: readonly FailedTarget[];
  /** The boot loader says that it has given up the entry that comes first. */
  readonly bootFellBack: boolean;
}

/** A host as root sees it. */
export interface HostState extends HostOutline {
  readonly deployments: readonly HostDeployment[];
  readonly booted: HostDeployment;
}

export interface StageProgress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly step: string;
}

export interface StageRequest {
  readonly target: VerifiedTarget;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
}

export interface ApplyRequest {
  readonly target: VerifiedTarget;
  readonly signal: AbortSignal;
  readonly onStep: (message: string) => void;
}

export interface RepairRequest {
  readonly target: VerifiedTarget;
  readonly paths: readonly string[];
  readonly signal: AbortSignal;
}

export interface HealthRequest {
  /** Milliseconds that one executable may run. */
  readonly checkTimeout: number;
  /** Milliseconds that are left for all. */
  readonly remaining: number;
  /** What is ignored when managed content is looked at. */
  readonly drift: DriftPolicy | undefined;
  readonly signal: AbortSignal;
}

export interface DriftRequest {
  /** False: files that nothing seems to have touched since the last look are taken for what they were. */
  readonly thorough: boolean;
  readonly signal: AbortSignal;
}

export interface HostDriver {
  status(signal: AbortSignal): Promise<HostOutline>;
  /** What the target takes when it can be applied to what runs; undefined when it takes a boot. Changes nothing. */
  liveActions(target: VerifiedTarget, signal: AbortSignal): Promise<readonly Action[] | undefined>;
  /** Clears away what a killed agent left half-made; once, before anything else. */
  recover(signal: AbortSignal): Promise<void>;
  /** Fetches and imports what `apply` will need. Changes nothing that the host runs or boots; may be killed anywhere. */
  stage(request: StageRequest): Promise<void>;
  /** Makes a deployment of what was staged, and makes it the next boot in one step when it is complete. */
  apply(request: ApplyRequest): Promise<void>;
  /**
   * Applies what was staged to the running deployment, and leaves it on probation: `markGood` makes it stand, `undoLive`
   * and any crash take it back. Throws with all of the former config in place.
   */
  applyLive(request: ApplyRequest): Promise<void>;
  /** Takes back a live apply that is on probation; services are told again. */
  undoLive(signal: AbortSignal): Promise<void>;
  /** Puts managed paths of what runs back to what the target says, which must be what is applied. */
  repair(request: RepairRequest): Promise<void>;
  /** Makes an existing deployment the next boot. */
  setNextBoot(name: string, signal: AbortSignal): Promise<void>;
  /** Makes the deployment before the booted one the next boot. NO_ROLLBACK when there is none. */
  rollback(signal: AbortSignal): Promise<void>;
  /** Everything in which what runs differs from what was applied. */
  checkDrift(request: DriftRequest): Promise<readonly Drift[]>;
  /** One look at what was applied, at the host's units, if an update is on probation, and at its executable checks. */
  checkHealth(request: HealthRequest): Promise<readonly CheckResult[]>;
  /** What runs has proved itself: its probation ends, and the boot loader is told. */
  markGood(signal: AbortSignal): Promise<void>;
  /** Remembers a target that is not to be tried again here. */
  recordFailure(target: FailedTarget, signal: AbortSignal): Promise<void>;
  /** Takes that back. */
  forgetFailure(target: Pick<FailedTarget, 'config' | 'image'>, signal: AbortSignal): Promise<void>;
  /** Removes deployments that are older than the rollback, and images that nothing uses. */
  collectGarbage(signal: AbortSignal): Promise<void>;
  /** Starts the next boot. On a booted host the process ends soon after; otherwise the caller starts afresh. */
  reboot(signal: AbortSignal): Promise<void>;
}

/** A driver in a process that is root. */
export interface RootDriver extends HostDriver {
  status(signal: AbortSignal): Promise<HostState>;
}
