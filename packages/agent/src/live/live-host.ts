// Live changes of a host, whatever driver it has: the config of the running deployment, and the files that all
// deployments share.
import { driftActionOf, fingerprintConfig } from '@varve/api';
import type { AppliedConfig } from '../content/entry.ts';
import { type HostAbilities, planContent, unitDirectory } from '../content/plan.ts';
import type { ResolvedContent } from '../content/resolve.ts';
import type { SourceCache } from '../content/source.ts';
import type { HostDeployment, HostState } from '../driver/driver.ts';
import { AgentError } from '../error.ts';
import type { VerifiedTarget } from '../helper/verify.ts';
import type { StatePaths } from '../state/paths.ts';
import type { Tree } from '../tree/tree.ts';
import { treeOf } from '../tree/tree-of.ts';
import { applyConfig } from './apply-config.ts';
import { commitTransaction, recoverTransaction } from './end.ts';
import { type LiveTarget, liveActions } from './live-actions.ts';
import { placeShared } from './place-shared.ts';
import { repairPaths } from './repair.ts';
import type { ServiceManager } from './services.ts';
import { SharedFiles } from './shared-files.ts';

export interface LiveHostOptions {
  readonly paths: Pick<StatePaths, 'root' | 'journal'>;
  readonly sources: SourceCache;
  readonly services: ServiceManager;
  /** What the host can do beyond what is applied live: a config may ask for it, too. */
  readonly abilities: HostAbilities;
}

export class LiveHost {
  readonly #options: LiveHostOptions;
  readonly #shared: SharedFiles;

  constructor(options: LiveHostOptions) {
    this.#options = options;
    this.#shared = new SharedFiles(options.paths.root);
  }

  /** Applies a config to the running deployment; it is held until `commit`. */
  async apply(
    host: HostState,
    target: LiveTarget & { readonly config: string; readonly image: string },
    signal: AbortSignal,
    onStep: (message: string) => void,
  ): Promise<void> {
    const actions = liveActions(host, target);
    const { booted, staged } = host;
    if (!actions || !booted.applied) {
      throw new AgentError('STATE_CORRUPT', `config ${target.config} needs a boot; it will be planned again`);
    }
    if (staged?.config !== target.config || staged.image !== target.image) {
      throw new AgentError('STATE_CORRUPT', `config ${target.config} is not staged any more; it will be staged again`);
    }
    onStep('applying it to the running host');
    await applyConfig({
      ...this.#transactionOf(booted),
      former: booted.applied,
      config: target.config,
      fingerprint: fingerprintConfig(target.spec),
      plan: planContent(target.spec, this.#options.abilities),
      sources: this.#options.sources,
      shared: this.#shared,
      actions,
      signal,
    });
  }

  /** Puts paths of the running config back. Which ones may be is the target's word, not the caller's. */
  async repair({ booted }: HostState, target: VerifiedTarget, paths: ReadonlySet<string>, signal: AbortSignal) {
    const { applied } = booted;
    if (!applied || applied.config !== target.config) return;
    const allowed = [...paths].filter((path) => driftActionOf(target.drift ?? [], path) === 'Repair');
    await repairPaths({
      ...this.#transactionOf(booted),
      applied,
      plan: planContent(target.spec, this.#options.abilities),
      sources: this.#options.sources,
      paths: new Set(allowed),
      signal,
    });
  }

  /** What was applied has proved itself. */
  async commit(host: HostState, signal: AbortSignal): Promise<void> {
    const { booted } = host;
    if (await commitTransaction(this.#transaction(), treeIn(host), signal)) await this.#shared.settle(booted.applied);
  }

  /** Takes back what has not, or what was killed half-way. */
  async recover(host: HostState, signal: AbortSignal): Promise<void> {
    await recoverTransaction(this.#transaction(), treeIn(host), signal);
    // Units are masked by a link each, in no transaction.
    await treeOf(host.booted).removeUnplaced(unitDirectory);
  }

  /** Puts the shared files of a deployment in place, before it boots or after it did. */
  async place(host: HostState, deployment: HostDeployment | undefined, signal: AbortSignal): Promise<void> {
    await placeShared(this.#transactionOf(host.booted), this.#shared, deployment?.applied, signal);
  }

  /** The same for a deployment that was only just written. */
  async placePrepared(
    { booted }: HostState,
    { record, content }: { readonly record: AppliedConfig; readonly content: ResolvedContent },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#shared.keep(content.entries);
    await placeShared(this.#transactionOf(booted), this.#shared, record, signal);
  }

  async collectGarbage({ deployments }: HostState): Promise<void> {
    await this.#shared.keepOnly(deployments.map((deployment) => deployment.applied));
  }

  #transaction() {
    return { journal: this.#options.paths.journal, services: this.#options.services };
  }

  /** The booted deployment's tree: it is the one that cannot vanish meanwhile. */
  #transactionOf(booted: HostDeployment) {
    return { ...this.#transaction(), tree: treeOf(booted), deployment: booted.name };
  }
}

function treeIn({ deployments }: HostState): (name: string) => Promise<Tree | undefined> {
  return async (name) => {
    const deployment = deployments.find((candidate) => candidate.name === name);
    return deployment && treeOf(deployment);
  };
}
