// The driver for any distribution that boots from OSTree. It takes the sysroot's path: the same code serves a booted
// host and a sysroot in a directory; only booting differs, and comes from outside.
import { join } from 'node:path';
import { fingerprintConfig, kernelCommandLine } from '@varve/api';
import { parseImageReference } from '@varve/oci';
import { collectGarbage, type Deployment, parseChecksum, removeStaleTemporaries, Sysroot } from '@varve/ostree';
import spawn from 'nano-spawn';
import * as z from 'zod';
import type { Boot } from '../../boot/boot.ts';
import type { Drift } from '../../content/check.ts';
import { DigestCache } from '../../content/digest-cache.ts';
import { planContent } from '../../content/plan.ts';
import { SourceCache } from '../../content/source.ts';
import { hostDrift } from '../../drift/host-drift.ts';
import { withChangers } from '../../drift/who-changed.ts';
import { AgentError } from '../../error.ts';
import {
  type FailedTarget,
  findFailed,
  HealthError,
  readFailed,
  withFailed,
  withoutFailed,
  writeFailed,
} from '../../health/failed-target.ts';
import { checkHostHealth } from '../../health/host-health.ts';
import { currentProbation, type Probation, probationSchema } from '../../health/probation.ts';
import type { CheckResult } from '../../health/result.ts';
import { noUnits, systemdUnits, type Units } from '../../health/units.ts';
import { LiveHost } from '../../live/live-host.ts';
import { offlineServices, systemdServices } from '../../live/services.ts';
import type { Network } from '../../network/network.ts';
import { readState, readTextIfThere, removeDurable, writeDurable, writeState } from '../../state/durable-file.ts';
import { type HostRecord, hostRecordSchema } from '../../state/host.ts';
import type { StatePaths } from '../../state/paths.ts';
import type {
  ApplyRequest,
  DriftRequest,
  HealthRequest,
  HostDriver,
  HostState,
  RepairRequest,
  StagedConfig,
  StageRequest,
} from '../driver.ts';
import type { ImageTool } from '../image-tool.ts';
import { keptDeployments, rollbackDeployment } from '../kept.ts';
import { stagedPath } from '../staged.ts';
import { targetImage } from '../target-image.ts';
import { OwnImporter } from './import.ts';
import { prepareDeployment } from './prepare.ts';
import { deploymentName, describeDeployment } from './state.ts';

export interface OstreeDriverOptions {
  readonly sysroot: string;
  readonly stateroot: string;
  readonly paths: StatePaths;
  readonly boot: Boot;
  readonly network: Network;
  /** What brings images onto the host; Varve's own importer unless given. */
  readonly tool?: ImageTool | undefined;
}

const stagedSchema: z.ZodType<StagedConfig> = z.object({
  config: z.string(),
  image: z.string(),
  checksum: z.string(),
  origin: z.string().optional(),
  kernelArguments: z.array(z.string()).optional(),
});
/** Holds the staged commit, whatever else prunes the repository. */
const stagedRef = 'varve/staged';
const cleanupTimeout = 10 * 60_000;

export class OstreeDriver implements HostDriver {
  readonly #options: OstreeDriverOptions;
  readonly #sources: SourceCache;
  readonly #units: Units;
  readonly #live: LiveHost;
  readonly #digests = new DigestCache();
  readonly #tool: ImageTool;

  constructor(options: OstreeDriverOptions) {
    this.#options = options;
    this.#tool = options.tool ?? new OwnImporter(options.network, options.sysroot === '/' ? stagedPath : undefined);
    this.#sources = new SourceCache(options.paths.sources, options.network);
    this.#live = new LiveHost({
      paths: options.paths,
      sources: this.#sources,
      services: options.sysroot === '/' ? systemdServices() : offlineServices,
    });
    this.#units = options.sysroot === '/' ? systemdUnits : noUnits;
  }

  async status(signal = new AbortController().signal): Promise<HostState> {
    const { boot, paths } = this.#options;
    const sysroot = await this.#open();
    const running = await boot.booted();
    const found = await this.#deployments(sysroot);
    const record = await this.#record(sysroot, found, running.deployment);
    const place = { running: running.deployment, varDirectory: this.#varDirectory() };
    const deployments = await Promise.all(
      found.map((deployment) => describeDeployment(sysroot, deployment, record, place)),
    );
    const pending = await this.#tool.pending(sysroot, signal);
    if (pending) deployments.unshift(pending);
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
    const { config, spec } = target;
    const plan = planContent(spec, this.#tool.abilities);
    const image = targetImage(target, await this.status(signal));
    for (const { source } of plan.files) await this.#sources.read(source, signal);
    const sysroot = await this.#open();
    const { commit: checksum, ...fetched } = await this.#tool.fetch({
      ...{ sysroot, stateroot: this.#options.stateroot, image, spec, signal, onProgress },
      deployed: await this.#deployed(sysroot, image),
      pin: (commit) => sysroot.repository.writeRef(stagedRef, commit),
    });
    await sysroot.repository.writeRef(stagedRef, checksum);
    await writeState(this.#options.paths.staged, { config, image, checksum, ...fetched } satisfies StagedConfig);
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
    await removeStaleTemporaries(join(sysroot, 'ostree/repo'));
    await this.#live.recover(await this.status(), signal);
    // A live apply that had not proved itself is taken back; there is nothing left to prove.
    if ((await readState(paths.probation, probationSchema))?.live) await removeDurable(paths.probation);
    await this.#undeploy('half-made', signal);
    await removeDurable(paths.applying);
    const host = await this.status();
    await this.#live.place(host, host.deployments[0], signal);
  }

  async apply(request: ApplyRequest): Promise<void> {
    await this.recover(request.signal);
    await writeDurable(this.#options.paths.applying, '');
    await this.#deploy(request);
    await removeDurable(this.#options.paths.applying);
  }

  async #deploy({ target, signal, onStep }: ApplyRequest): Promise<void> {
    const { config, spec } = target;
    const plan = planContent(spec, this.#tool.abilities);
    const sysroot = await this.#open();
    const host = await this.status(signal);
    const image = targetImage(target, host);
    const { staged } = host;
    if (staged?.config !== config || staged.image !== image) {
      throw new AgentError('STATE_CORRUPT', `config ${config} is not staged any more; it will be staged again`);
    }
    const kernelArguments = kernelCommandLine(await this.#baseKernelArguments(staged), plan.kernelArguments);
    onStep('writing the new deployment');
    await this.#tool.discardStaged(signal);
    const deployment = await sysroot.deploy({
      commit: parseChecksum(staged.checksum),
      stateroot: this.#options.stateroot,
      imageReference: image,
      origin: staged.origin,
      kernelArguments,
      mergeFrom: await this.#find(sysroot, host.booted.name),
      signal,
    });
    try {
      onStep('writing files and units');
      const prepared = await prepareDeployment({
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
      onStep('writing files that deployments share');
      await this.#live.placePrepared(host, prepared, signal);
    } catch (error) {
      await sysroot.undeploy(deployment).catch(() => {});
      throw error;
    }
    onStep('making it the next boot');
    const name = deploymentName(deployment);
    await this.#beginProbation({ deployment: name, config, image, bootId: host.bootId, live: false }, signal);
    await sysroot.setDefault(deployment);
    await this.#sources.keepOnly(plan.files.map((file) => file.source));
  }

  async applyLive({ target, signal, onStep }: ApplyRequest): Promise<void> {
    await this.recover(signal);
    const host = await this.status();
    const image = targetImage(target, host);
    const { config } = target;
    const probation = { deployment: host.booted.name, config, image, bootId: host.bootId, live: true };
    await this.#beginProbation(probation, signal);
    try {
      await this.#live.apply(host, { ...target, image }, signal, onStep);
    } catch (error) {
      await removeDurable(this.#options.paths.probation);
      throw await this.#notAgain(error, { config, image });
    }
    await this.#sources.keepOnly(planContent(target.spec).files.map((file) => file.source));
  }

  async repair({ target, paths, signal }: RepairRequest): Promise<void> {
    await this.#live.repair(await this.status(), target, new Set(paths), signal);
  }

  async undoLive(signal: AbortSignal): Promise<void> {
    await this.#live.recover(await this.status(), signal);
    const host = await this.status();
    await this.#live.place(host, host.booted, signal);
    await removeDurable(this.#options.paths.probation);
  }

  /** A config that this host has tried and taken back is not tried again; what else went wrong may pass. */
  async #notAgain(error: unknown, target: Pick<FailedTarget, 'config' | 'image'>): Promise<unknown> {
    if (!(error instanceof AgentError) || (error.code !== 'UNIT_FAILED' && error.code !== 'VERIFY_FAILED'))
      return error;
    const { code } = error;
    const message = `${error.message}; the host has its former config again, and ${target.config} is not tried again here`;
    const failed = { ...target, code, message: message.slice(0, 4096), time: new Date().toISOString() };
    await this.recordFailure(failed);
    return new HealthError(code, message, { failed });
  }

  async setNextBoot(name: string, signal: AbortSignal): Promise<void> {
    await this.#tool.discardStaged(signal);
    const host = await this.status();
    await this.#live.recover(host, signal);
    await this.#live.place(
      host,
      host.deployments.find((deployment) => deployment.name === name),
      signal,
    );
    if (await this.#tool.rollBackTo(name, signal)) return;
    const sysroot = await this.#open();
    await sysroot.setDefault(await this.#find(sysroot, name));
  }

  async rollback(signal: AbortSignal): Promise<void> {
    const rollback = rollbackDeployment(await this.status());
    if (!rollback)
      throw new AgentError('NO_ROLLBACK', `${this.#options.sysroot} has no deployment from before the booted one`);
    await this.setNextBoot(rollback.name, signal);
  }

  async collectGarbage(signal: AbortSignal): Promise<void> {
    const { staged } = await this.status();
    await this.#undeploy('all', signal);
    await this.#live.collectGarbage(await this.status());
    await collectGarbage(await this.#open(), { keep: staged ? [parseChecksum(staged.checksum)] : [], signal });
  }

  async checkDrift({ thorough, signal }: DriftRequest): Promise<readonly Drift[]> {
    if (thorough) this.#digests.clear();
    const drift = await hostDrift(await this.status(signal), this.#digests);
    return this.#options.sysroot === '/' ? await withChangers(drift, signal) : drift;
  }

  async checkHealth(request: HealthRequest): Promise<readonly CheckResult[]> {
    const host = await this.status();
    return await checkHostHealth({ ...request, host, units: this.#units, before: currentProbation(host)?.units });
  }

  /** The boot loader first: a kill in between repeats both. */
  async markGood(signal: AbortSignal): Promise<void> {
    const { boot, paths } = this.#options;
    const host = await this.status();
    const { booted, failed } = host;
    await this.#live.commit(host, signal);
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

  /** Undefined on a booted host, where it is the root's. */
  #varDirectory(): string | undefined {
    const { sysroot, stateroot } = this.#options;
    return sysroot === '/' ? undefined : join(sysroot, 'ostree/deploy', stateroot, 'var');
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
      // While something is staged, OSTree counts differently.
      await this.#tool.discardStaged(signal);
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
  async #record(sysroot: Sysroot, deployments: readonly Deployment[], booted: string): Promise<HostRecord> {
    const { paths } = this.#options;
    const record = await readState(paths.host, hostRecordSchema);
    if (record) return record;
    const running = deployments.find((deployment) => deploymentName(deployment) === booted);
    const brought = running ? await this.#tool.imageKernelArguments(sysroot.deploymentPath(running)) : [];
    const first = {
      baseKernelArguments: [...(running?.kernelArguments ?? [])],
      imageKernelArguments: [...brought],
      adopted: deployments.map(deploymentName),
    };
    await writeState(paths.host, first);
    return first;
  }

  async #staged(sysroot: Sysroot): Promise<StagedConfig | undefined> {
    const staged = await readState(this.#options.paths.staged, stagedSchema);
    return staged && (await sysroot.repository.readRef(stagedRef)) === staged.checksum ? staged : undefined;
  }

  /** What the host was installed with, with the arguments of this image instead of those that its first one brought. */
  async #baseKernelArguments({ kernelArguments = [] }: StagedConfig): Promise<string[]> {
    const record = await readState(this.#options.paths.host, hostRecordSchema);
    const own = [...(record?.baseKernelArguments ?? [])];
    for (const argument of record?.imageKernelArguments ?? []) {
      const index = own.lastIndexOf(argument);
      if (index >= 0) own.splice(index, 1);
    }
    return [...own, ...kernelArguments];
  }

  /** A deployment of the image that is there already. */
  async #deployed(sysroot: Sysroot, image: string): Promise<Deployment | undefined> {
    const { digest } = parseImageReference(image);
    const deployments = await this.#deployments(sysroot);
    return deployments.find((deployment) => digest && deployment.imageDigest === digest);
  }
}
