// A host that somebody changes by hand, with the same driver that its agent would use: the same stage and apply, the same
// way back. Its agent must not run meanwhile.
import { kernelArgumentChangeOf, kernelCommandLine, type MachineConfigSpec } from '@varve/api';
import { parseImageReference, type RegistryClientOptions } from '@varve/oci';
import { pino } from 'pino';
import { finishRequestedBoot } from '../boot/boot.ts';
import { startBoot } from '../boot/start-boot.ts';
import { staterootOf } from '../boot/stateroot.ts';
import type { Drift } from '../content/check.ts';
import type { DriverChoice, DriverName } from '../driver/choose.ts';
import type { HostState, RootDriver, StageProgress } from '../driver/driver.ts';
import { openDriver } from '../driver/open.ts';
import type { RunTool } from '../driver/run-tool.ts';
import { targetImage } from '../driver/target-image.ts';
import { readIdentity } from '../enroll/identity.ts';
import { AgentError } from '../error.ts';
import { judge } from '../health/result.ts';
import { trustLocally } from '../helper/verify.ts';
import { type Network, OwnNetwork } from '../network/network.ts';
import { resolveImage } from '../network/registry.ts';
import { isOnTarget } from '../reconcile/diff.ts';
import { lockSysroot } from '../state/lock.ts';
import { type StatePaths, stateDirectoryOf, statePaths } from '../state/paths.ts';
import { editKernelArguments, type KernelArgumentEdit } from './kernel-arguments.ts';
import { bootedSpec, forgetLocalSpecs, keepLocalSpec, localConfigName } from './local-spec.ts';

export interface LocalHostOptions {
  /** `/` on a booted host, else a directory that holds a sysroot. */
  readonly sysroot: string;
  readonly stateroot?: string | undefined;
  /** Instead of the one that the host's tools speak for. */
  readonly driver?: DriverName | undefined;
  readonly registry?: RegistryClientOptions | undefined;
  readonly run?: RunTool | undefined;
  readonly stagedPath?: string | undefined;
  readonly signal: AbortSignal;
}

/** What a change would make of the host. */
export interface LocalPlan {
  /** By digest. */
  readonly image: string;
  readonly config: string;
  readonly spec: MachineConfigSpec;
  /** Of the next boot, as far as the image does not bring its own. */
  readonly kernelArguments: readonly string[];
  /** Compressed bytes of the image's layers: the most that is fetched. Zero when a deployment has the image. */
  readonly bytes: number;
  /** The host runs just this. */
  readonly isDone: boolean;
}

export interface ProgressHooks {
  readonly onProgress: (progress: StageProgress) => void;
  readonly onStep: (message: string) => void;
}

/** Seconds that one executable check may run. */
const checkTimeout = 60_000;
const checksTimeout = 10 * 60_000;

export class LocalHost implements Disposable {
  readonly driver: RootDriver;
  readonly choice: DriverChoice;
  readonly paths: StatePaths;
  readonly #options: LocalHostOptions;
  readonly #network: Network;
  readonly #lock: Disposable;

  private constructor(
    options: LocalHostOptions,
    parts: Pick<LocalHost, 'driver' | 'choice' | 'paths'> & { network: Network; lock: Disposable },
  ) {
    this.#options = options;
    this.driver = parts.driver;
    this.choice = parts.choice;
    this.paths = parts.paths;
    this.#network = parts.network;
    this.#lock = parts.lock;
  }

  /** Throws AGENT_RUNNING while an agent works on the host, and DRIVER_UNSUITABLE. */
  static async open(options: LocalHostOptions): Promise<LocalHost> {
    const { sysroot, registry, signal } = options;
    const stateroot = await staterootOf(sysroot, options.stateroot);
    const paths = statePaths(stateDirectoryOf(sysroot, stateroot));
    const lock = lockSysroot(paths.lock);
    try {
      const boot = await startBoot(sysroot, paths, pino({ level: 'silent' }), signal);
      const network = new OwnNetwork(() => readIdentity(paths.identity), registry);
      const opened = await openDriver({ ...options, stateroot, paths, boot, network });
      return new LocalHost(options, { ...opened, paths, network, lock });
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  async status(): Promise<HostState> {
    return await this.driver.status(this.#options.signal);
  }

  /** The server whose agent will take changes back; undefined on a host that has not joined. */
  async server(): Promise<string | undefined> {
    return (await readIdentity(this.paths.identity))?.server;
  }

  /** To another image; a tag is resolved once. */
  async planImage(image: string): Promise<LocalPlan> {
    const { registry, signal } = this.#options;
    const osImageURL = await resolveImage(image, await readIdentity(this.paths.identity), registry, signal);
    const host = await this.status();
    return await this.#plan(host, { ...(await bootedSpec(this.paths, host)), osImageURL });
  }

  async planKernelArguments(edit: KernelArgumentEdit): Promise<LocalPlan> {
    const host = await this.status();
    const spec = await bootedSpec(this.paths, host);
    return await this.#plan(host, editKernelArguments(spec, host.baseKernelArguments, edit));
  }

  /** Makes the plan the next boot. Killed anywhere, the host boots as before or with all of it. */
  async apply(plan: LocalPlan, { onProgress, onStep }: ProgressHooks): Promise<void> {
    const { signal } = this.#options;
    const config = await keepLocalSpec(this.paths, plan.spec);
    const target = trustLocally({ config, image: plan.image, spec: plan.spec });
    await this.driver.forgetFailure({ config, image: plan.image }, signal);
    await this.driver.stage({ target, signal, onProgress });
    await this.driver.apply({ target, signal, onStep });
  }

  /** Everything in which what runs differs from what was applied, files read anew. */
  async drift(): Promise<readonly Drift[]> {
    return await this.driver.checkDrift({ thorough: true, signal: this.#options.signal });
  }

  async rollback(): Promise<void> {
    await this.driver.rollback(this.#options.signal);
  }

  /** The host is looked at as after an update; what runs is good from now on. Throws HEALTH_FAILED. */
  async confirm(): Promise<void> {
    const { signal } = this.#options;
    const request = { checkTimeout, remaining: checksTimeout, drift: undefined, signal };
    const { failing } = judge(await this.driver.checkHealth(request));
    if (failing) {
      throw new AgentError(
        'HEALTH_FAILED',
        `check ${failing.name} ${failing.message}; put it right, or go back with \`varve host rollback\``,
      );
    }
    await this.driver.markGood(signal);
  }

  async collectGarbage(): Promise<void> {
    await this.driver.collectGarbage(this.#options.signal);
    await forgetLocalSpecs(this.paths, await this.status());
  }

  /** Of a sysroot in a directory the boot is done when this returns. */
  async reboot(): Promise<void> {
    const { sysroot, signal } = this.#options;
    await this.driver.reboot(signal);
    if (sysroot !== '/') await finishRequestedBoot(sysroot, this.paths);
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }

  async #plan(host: HostState, spec: MachineConfigSpec): Promise<LocalPlan> {
    const config = localConfigName(spec);
    const target = trustLocally({ config, image: spec.osImageURL, spec });
    const image = targetImage(target, host);
    return {
      image,
      config,
      spec,
      kernelArguments: kernelCommandLine(host.baseKernelArguments, kernelArgumentChangeOf(spec)),
      bytes: await this.#bytesOf(host, image),
      isDone: isOnTarget(host.booted, { ...target, image }, host) && isNext(host),
    };
  }

  async #bytesOf({ deployments }: HostState, image: string): Promise<number> {
    const reference = parseImageReference(image);
    if (deployments.some(({ imageDigest }) => imageDigest === reference.digest)) return 0;
    const { signal } = this.#options;
    await using source = await this.#network.openImage(reference, signal);
    const { manifest } = await source.getImage({ signal });
    let bytes = 0;
    for (const layer of manifest.layers) bytes += layer.size;
    return bytes;
  }
}

/** Whether the next boot is what runs. */
function isNext({ deployments, booted }: HostState): boolean {
  return deployments[0]?.name === booted.name;
}
