// The driver for any distribution that boots from OSTree. It takes the sysroot's path: the same code serves a booted
// host and a sysroot in a directory; only booting differs, and comes from outside.
import { join } from 'node:path';
import { type Action, kernelCommandLine, needsDrain } from '@varve/api';
import { collectGarbage, type Deployment, parseChecksum, removeStaleTemporaries, Sysroot } from '@varve/ostree';
import spawn from 'nano-spawn';
import type { Boot } from '../../boot/boot.ts';
import type { Drift } from '../../content/check.ts';
import { DigestCache } from '../../content/digest-cache.ts';
import { type ContentPlan, planContent } from '../../content/plan.ts';
import { SourceCache } from '../../content/source.ts';
import { runDrainHooks } from '../../drain/hooks.ts';
import { hostDrift } from '../../drift/host-drift.ts';
import { withUsrOverlay } from '../../drift/usr-overlay.ts';
import { withChangers } from '../../drift/who-changed.ts';
import { AgentError } from '../../error.ts';
import { type FailedTarget, findFailed, forgetFailed, rememberFailed, takenBack } from '../../health/failed-target.ts';
import { checkHostHealth } from '../../health/host-health.ts';
import { currentProbation, type Probation, probationSchema } from '../../health/probation.ts';
import type { CheckResult } from '../../health/result.ts';
import { noUnits, systemdUnits, type Units } from '../../health/units.ts';
import type { VerifiedTarget } from '../../helper/verify.ts';
import { liveActions } from '../../live/live-actions.ts';
import { LiveHost } from '../../live/live-host.ts';
import { offlineServices, systemdServices } from '../../live/services.ts';
import type { Network } from '../../network/network.ts';
import { hasStrictDefault, type PolicyOrigin, policyInForce } from '../../signature-policy/policy-in-force.ts';
import { acceptanceOf, requireImagesAccepted } from '../../signature-policy/require-images-accepted.ts';
import { readState, readTextIfThere, removeDurable, writeDurable, writeState } from '../../state/durable-file.ts';
import type { StatePaths } from '../../state/paths.ts';
import type {
  ApplyRequest,
  DriftRequest,
  HealthRequest,
  HostState,
  RepairRequest,
  RootDriver,
  StageRequest,
} from '../driver.ts';
import type { FetchPlace, ImageTool } from '../image-tool.ts';
import { keptDeployments, rollbackDeployment } from '../kept.ts';
import { stagedPath } from '../staged.ts';
import { targetImage } from '../target-image.ts';
import { deployStaged } from './deploy.ts';
import { deploymentOfImage, findDeployment } from './deployments.ts';
import { baseKernelArguments } from './host-record.ts';
import { OwnImporter } from './import.ts';
import { requireFitting } from './preflight.ts';
import { readHost } from './read-host.ts';
import { pinStaged, writeStaged } from './staged-commit.ts';
import { deploymentName } from './state.ts';

export interface OstreeDriverOptions {
  readonly sysroot: string;
  readonly stateroot: string;
  readonly paths: StatePaths;
  readonly boot: Boot;
  readonly network: Network;
  /** What brings images onto the host; Varve's own importer unless given. */
  readonly tool?: ImageTool | undefined;
}

const cleanupTimeout = 10 * 60_000;

export class OstreeDriver implements RootDriver {
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
      abilities: this.#tool.abilities,
    });
    this.#units = options.sysroot === '/' ? systemdUnits : noUnits;
  }

  async status(signal = new AbortController().signal): Promise<HostState> {
    return await readHost({ ...this.#options, tool: this.#tool }, signal);
  }

  async liveActions(target: VerifiedTarget, signal: AbortSignal): Promise<readonly Action[] | undefined> {
    const host = await this.status(signal);
    return liveActions(host, { ...target, image: target.image ?? host.booted.image });
  }

  async stage({ target, signal, onProgress }: StageRequest): Promise<void> {
    const { stateroot, paths, network } = this.#options;
    const { config, spec } = target;
    const plan = planContent(spec, this.#tool.abilities);
    const host = await this.status(signal);
    const image = targetImage(target, host);
    for (const { source } of plan.files) await this.#sources.read(source, signal);
    const acceptance = await requireImagesAccepted({
      ...this.#policyOrigin(target, host, plan, signal),
      target,
      host,
      network,
    });
    const sysroot = await this.#open();
    const { commit: checksum, ...fetched } = await this.#tool.fetch({
      ...{ sysroot, stateroot, image, spec, network, signal, onProgress },
      enforcePolicy: await hasStrictDefault(host.booted.root),
      ...this.#fetchPlace(host),
      deployed: await deploymentOfImage(sysroot, stateroot, host, image),
      pin: (commit) => pinStaged(sysroot, commit),
    });
    await requireFitting(sysroot.repository, checksum, plan);
    await writeStaged(sysroot, paths.staged, { config, image, checksum, ...fetched, acceptance });
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
    await this.#tool.recover(this.#fetchPlace(await this.status()));
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
    await this.#drain(request);
    await writeDurable(this.#options.paths.applying, '');
    await this.#deploy(request);
    await removeDurable(this.#options.paths.applying);
  }

  async #drain({ target, signal, onStep }: ApplyRequest): Promise<void> {
    const { booted } = await this.status(signal);
    await runDrainHooks({ booted, policy: target.drain, signal, onStep });
  }

  async #deploy({ target, signal, onStep }: ApplyRequest): Promise<void> {
    const { stateroot, paths } = this.#options;
    const { config } = target;
    const plan = planContent(target.spec, this.#tool.abilities);
    const sysroot = await this.#open();
    const host = await this.status(signal);
    const image = targetImage(target, host);
    const { staged } = host;
    if (staged?.config !== config || staged.image !== image) {
      throw new AgentError('STATE_CORRUPT', `config ${config} is not staged any more; it will be staged again`);
    }
    const inForce = await policyInForce(this.#policyOrigin(target, host, plan, signal));
    if (staged.acceptance !== acceptanceOf(inForce, image, host)) {
      await removeDurable(paths.staged);
      throw new AgentError(
        'STATE_CORRUPT',
        `the signature policy, or what runs, has changed since config ${config} was staged; it will be staged again`,
      );
    }
    const kernelArguments = kernelCommandLine(await baseKernelArguments(paths.host, staged), plan.kernelArguments);
    await this.#tool.discardStaged(signal);
    const deployment = await deployStaged({
      ...{ sysroot, stateroot, host, staged, target, plan, kernelArguments, signal, onStep },
      sources: this.#sources,
      live: this.#live,
    });
    onStep('making it the next boot');
    const name = deploymentName(deployment);
    await this.#beginProbation({ deployment: name, config, image, bootId: host.bootId, live: false }, signal);
    await sysroot.setDefault(deployment);
    await this.#sources.keepOnly(plan.files.map((file) => file.source));
  }

  async applyLive({ target, signal, onStep }: ApplyRequest): Promise<void> {
    await this.recover(signal);
    if (needsDrain((await this.liveActions(target, signal)) ?? [])) await this.#drain({ target, signal, onStep });
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
    await this.#sources.keepOnly(planContent(target.spec, this.#tool.abilities).files.map((file) => file.source));
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
    const givenUp = takenBack(error, target, new Date());
    if (givenUp?.failed) await this.recordFailure(givenUp.failed);
    return givenUp ?? error;
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
    return this.#options.sysroot === '/' ? await withUsrOverlay(await withChangers(drift, signal)) : drift;
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
    await rememberFailed(this.#options.paths.failed, target);
  }

  async forgetFailure(target: Pick<FailedTarget, 'config' | 'image'>): Promise<void> {
    await forgetFailed(this.#options.paths.failed, target);
  }

  #policyOrigin(target: VerifiedTarget, { booted }: HostState, plan: ContentPlan, signal: AbortSignal): PolicyOrigin {
    return { plan, config: target.config, sources: this.#sources, root: booted.root, signal };
  }

  #fetchPlace({ booted }: HostState): FetchPlace {
    return { root: booted.root, workspace: this.#options.paths.root };
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

  async #find(sysroot: Sysroot, name: string): Promise<Deployment> {
    return await findDeployment(sysroot, this.#options.stateroot, name);
  }
}
