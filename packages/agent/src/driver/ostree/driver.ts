// The driver for any distribution that boots from OSTree. It takes the sysroot's path: the same code serves a booted
// host and a sysroot in a directory; only booting differs, and comes from outside.
import { fingerprintConfig, kernelCommandLine } from '@varve/api';
import { parseImageReference, type RegistryClientOptions } from '@varve/oci';
import { collectGarbage, type Deployment, type OstreeChecksum, parseChecksum, Sysroot } from '@varve/ostree';
import spawn from 'nano-spawn';
import * as z from 'zod';
import type { Boot } from '../../boot/boot.ts';
import { planContent } from '../../content/plan.ts';
import { SourceCache } from '../../content/source.ts';
import type { Identity } from '../../enroll/identity.ts';
import { AgentError } from '../../error.ts';
import {
  type FailedTarget,
  findFailed,
  readFailed,
  withFailed,
  withoutFailed,
  writeFailed,
} from '../../health/failed-target.ts';
import { checkHostHealth } from '../../health/host-health.ts';
import { currentProbation, type Probation, probationSchema } from '../../health/probation.ts';
import type { CheckResult } from '../../health/result.ts';
import { noUnits, systemdUnits, type Units } from '../../health/units.ts';
import { readState, readTextIfThere, removeDurable, writeDurable, writeState } from '../../state/durable-file.ts';
import { type HostRecord, hostRecordSchema } from '../../state/host.ts';
import type { StatePaths } from '../../state/paths.ts';
import type { ApplyRequest, HealthRequest, HostDriver, HostState, StagedConfig, StageRequest } from '../driver.ts';
import { keptDeployments, rollbackDeployment } from '../kept.ts';
import { targetImage } from '../target-image.ts';
import { importFromRegistry } from './import.ts';
import { prepareDeployment } from './prepare.ts';
import { deploymentName, describeDeployment } from './state.ts';

export interface OstreeDriverOptions {
  readonly sysroot: string;
  readonly stateroot: string;
  readonly paths: StatePaths;
  readonly boot: Boot;
  readonly identity: () => Promise<Identity | undefined>;
  readonly registry?: RegistryClientOptions | undefined;
}

const stagedSchema: z.ZodType<StagedConfig> = z.object({ config: z.string(), image: z.string(), checksum: z.string() });
/** Holds the staged commit, whatever else prunes the repository. */
const stagedRef = 'varve/staged';
const cleanupTimeout = 10 * 60_000;

export class OstreeDriver implements HostDriver {
  readonly #options: OstreeDriverOptions;
  readonly #sources: SourceCache;
  readonly #units: Units;

  constructor(options: OstreeDriverOptions) {
    this.#options = options;
    this.#sources = new SourceCache(options.paths.sources);
    this.#units = options.sysroot === '/' ? systemdUnits : noUnits;
  }

  async status(): Promise<HostState> {
    const { boot, paths } = this.#options;
    const sysroot = await this.#open();
    const running = await boot.booted();
    const found = await this.#deployments(sysroot);
    const record = await this.#record(found, running.deployment);
    const deployments = await Promise.all(found.map((deployment) => describeDeployment(sysroot, deployment, record)));
    const booted = deployments.find((deployment) => deployment.name === running.deployment);
    if (!booted) {
      throw new AgentError(
        'BOOT_FAILED',
        `the booted deployment ${running.deployment} is not among those of ${this.#options.sysroot}; boot another one`,
      );
    }
    return {
      deployments,
      booted,
      bootId: running.bootId,
      bootedKernelArguments: running.kernelArguments,
      baseKernelArguments: record.baseKernelArguments,
      staged: await this.#staged(sysroot),
      probation: await readState(paths.probation, probationSchema),
      failed: await readFailed(paths.failed),
      bootFellBack: running.fellBack,
    };
  }

  async stage({ target, signal, onProgress }: StageRequest): Promise<void> {
    const plan = planContent(target.spec);
    const image = targetImage(target, await this.status());
    for (const { source } of plan.files) await this.#sources.read(source, signal);
    const sysroot = await this.#open();
    const checksum =
      (await this.#deployedCommit(sysroot, image)) ?? (await this.#import(sysroot, image, signal, onProgress));
    await sysroot.repository.writeRef(stagedRef, checksum);
    await writeState(this.#options.paths.staged, { config: target.config, image, checksum });
  }

  /**
   * Clears away what a killed apply left behind. A command that it had started may live on: `ostree admin cleanup` waits
   * for the sysroot's lock, so after it nothing is in the making.
   */
  async recover(signal: AbortSignal): Promise<void> {
    const { paths, sysroot } = this.#options;
    if ((await readTextIfThere(paths.applying)) !== undefined) {
      await spawn('ostree', ['admin', 'cleanup', `--sysroot=${sysroot}`], { signal, timeout: cleanupTimeout });
    }
    await this.#undeploy('half-made', signal);
    await removeDurable(paths.applying);
  }

  async apply(request: ApplyRequest): Promise<void> {
    await this.recover(request.signal);
    await writeDurable(this.#options.paths.applying, '');
    await this.#deploy(request);
    await removeDurable(this.#options.paths.applying);
  }

  async #deploy({ target, signal, onStep }: ApplyRequest): Promise<void> {
    const { config, spec } = target;
    const plan = planContent(spec);
    const sysroot = await this.#open();
    const host = await this.status();
    const image = targetImage(target, host);
    const { staged } = host;
    if (staged?.config !== config || staged.image !== image) {
      throw new AgentError('STATE_CORRUPT', `config ${config} is not staged any more; it will be staged again`);
    }
    const kernelArguments = kernelCommandLine(host.baseKernelArguments, plan.kernelArguments);
    onStep('writing the new deployment');
    const deployment = await sysroot.deploy({
      commit: parseChecksum(staged.checksum),
      stateroot: this.#options.stateroot,
      imageReference: image,
      kernelArguments,
      mergeFrom: await this.#find(sysroot, host.booted.name),
      signal,
    });
    try {
      onStep('writing files and units');
      await prepareDeployment({
        root: sysroot.deploymentPath(deployment),
        name: deploymentName(deployment),
        config,
        image,
        kernelArguments,
        plan,
        fingerprint: fingerprintConfig(spec),
        sources: this.#sources,
        formerly: host.booted.applied,
        signal,
      });
    } catch (error) {
      await sysroot.undeploy(deployment).catch(() => {});
      throw error;
    }
    onStep('making it the next boot');
    await this.#beginProbation({ deployment: deploymentName(deployment), config, image, bootId: host.bootId }, signal);
    await sysroot.setDefault(deployment);
    await this.#sources.keepOnly(plan.files.map((file) => file.source));
  }

  async setNextBoot(name: string): Promise<void> {
    const sysroot = await this.#open();
    await sysroot.setDefault(await this.#find(sysroot, name));
  }

  async rollback(): Promise<void> {
    const rollback = rollbackDeployment(await this.status());
    if (!rollback)
      throw new AgentError('NO_ROLLBACK', `${this.#options.sysroot} has no deployment from before the booted one`);
    await this.setNextBoot(rollback.name);
  }

  async collectGarbage(signal: AbortSignal): Promise<void> {
    const { staged } = await this.status();
    await this.#undeploy('all', signal);
    await collectGarbage(await this.#open(), { keep: staged ? [parseChecksum(staged.checksum)] : [], signal });
  }

  async checkHealth({ checkTimeout, remaining, signal }: HealthRequest): Promise<readonly CheckResult[]> {
    const host = await this.status();
    const root = this.#options.sysroot === '/' ? '/' : host.booted.root;
    const before = currentProbation(host)?.units;
    return await checkHostHealth({ root, units: this.#units, before, checkTimeout, remaining, signal });
  }

  /** The boot loader first: a kill in between repeats both. */
  async markGood(): Promise<void> {
    const { boot, paths } = this.#options;
    const { booted, failed } = await this.status();
    await boot.markGood();
    await removeDurable(paths.probation);
    const { config, image } = booted.applied ?? {};
    // It was given up and there was no way back; now it is good after all.
    if (config !== undefined && image !== undefined && findFailed(failed, config, image)) {
      await this.forgetFailure({ config, image });
    }
  }

  async recordFailure(target: FailedTarget): Promise<void> {
    const { paths } = this.#options;
    await writeFailed(paths.failed, withFailed(await readFailed(paths.failed), target));
  }

  async forgetFailure(target: Pick<FailedTarget, 'config' | 'image'>): Promise<void> {
    const { paths } = this.#options;
    await writeFailed(paths.failed, withoutFailed(await readFailed(paths.failed), target));
  }

  async #beginProbation(update: Omit<Probation, 'units'>, signal: AbortSignal): Promise<void> {
    const { failed, settled } = await this.#units.states(signal);
    await writeState(this.#options.paths.probation, { ...update, units: { failed: [...failed], settled } });
  }

  /** Removes deployments that nothing keeps: all of them, or only those that an apply left half-made. */
  async #undeploy(scope: 'half-made' | 'all', signal: AbortSignal): Promise<void> {
    const host = await this.status();
    const sysroot = await this.#open();
    const kept = new Set(keptDeployments(host).map(({ name }) => name));
    for (const { name, complete } of host.deployments) {
      if (kept.has(name) || (scope === 'half-made' && complete)) continue;
      signal.throwIfAborted();
      await sysroot.undeploy(await this.#find(sysroot, name));
    }
  }

  async reboot(signal: AbortSignal): Promise<void> {
    await this.#options.boot.reboot(signal);
  }

  async #open(): Promise<Sysroot> {
    return await Sysroot.open(this.#options.sysroot);
  }

  async #deployments(sysroot: Sysroot): Promise<Deployment[]> {
    const all = await sysroot.deployments();
    return all.filter((deployment) => deployment.stateroot === this.#options.stateroot);
  }

  async #find(sysroot: Sysroot, name: string): Promise<Deployment> {
    const deployment = (await this.#deployments(sysroot)).find((candidate) => deploymentName(candidate) === name);
    if (deployment) return deployment;
    throw new AgentError('BOOT_FAILED', `deployment ${name} is not in ${this.#options.sysroot} any more`);
  }

  /** Written when the agent first sees the host. */
  async #record(deployments: readonly Deployment[], booted: string): Promise<HostRecord> {
    const { paths } = this.#options;
    const record = await readState(paths.host, hostRecordSchema);
    if (record) return record;
    const running = deployments.find((deployment) => deploymentName(deployment) === booted);
    const first = {
      baseKernelArguments: [...(running?.kernelArguments ?? [])],
      adopted: deployments.map(deploymentName),
    };
    await writeState(paths.host, first);
    return first;
  }

  async #staged(sysroot: Sysroot): Promise<StagedConfig | undefined> {
    const staged = await readState(this.#options.paths.staged, stagedSchema);
    return staged && (await sysroot.repository.readRef(stagedRef)) === staged.checksum ? staged : undefined;
  }

  /** The commit of an image that is deployed already: nothing to fetch, not even a manifest. */
  async #deployedCommit(sysroot: Sysroot, image: string): Promise<OstreeChecksum | undefined> {
    const { digest } = parseImageReference(image);
    return (await this.#deployments(sysroot)).find((deployment) => digest && deployment.imageDigest === digest)
      ?.checksum;
  }

  async #import(
    sysroot: Sysroot,
    image: string,
    signal: AbortSignal,
    onProgress: StageRequest['onProgress'],
  ): Promise<OstreeChecksum> {
    if (!parseImageReference(image).digest) {
      throw new AgentError(
        'CONFIG_UNSUPPORTED',
        `the image ${image} has no digest; the control plane resolves tags, hosts take only digests`,
      );
    }
    const { registry } = this.#options;
    const identity = await this.#options.identity();
    return (await importFromRegistry({ sysroot, image, identity, registry, signal, onProgress })).commit;
  }
}
