// A sysroot: the directory that holds /ostree and /boot. It is `/` on a running host and any directory in tests and in a
// quickstart; in the latter nothing is "booted" as far as `ostree` knows.
import { mkdir, readdir, readFile, readlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, isDigest } from '@varve/oci';
import { type OstreeChecksum, parseChecksum } from '../checksum.ts';
import { runCommand } from '../command.ts';
import { OstreeError } from '../error.ts';
import { manifestDigestKey } from '../image-commit.ts';
import { metadataString } from '../objects/commit.ts';
import { isAbsent, Repository } from '../repository.ts';
import { removeTemporary, temporaryPath } from '../temporary.ts';
import { atOneMoment } from './at-one-moment.ts';
import { type BootEntry, parseBootEntry } from './boot-entry.ts';
import { planBootOrder } from './boot-order.ts';
import { type Deployment, type DeploymentIdentity, deploymentDirectory, isSameDeployment } from './deployment.ts';
import { assertKernelArguments } from './kernel-arguments.ts';
import { formatOrigin, parseOrigin } from './origin.ts';
import { swapBootOrder } from './swap-boot-order.ts';

export interface DeployOptions {
  readonly commit: OstreeChecksum;
  readonly stateroot: string;
  /** The image's name, `registry/repository:tag` or `@sha256:…`; written into the origin file. */
  readonly imageReference: string;
  /** Content of the origin file, for tools that keep more in it than the image; made from the image unless given. */
  readonly origin?: string | undefined;
  /** All of them, in their order: none is taken over from another deployment. */
  readonly kernelArguments: readonly string[];
  /**
   * The deployment whose changes to /etc are carried over: the one that runs. It becomes the next boot if it is not, which
   * gives up another that was made the default and never booted. Without it /etc is the image's own.
   */
  readonly mergeFrom?: DeploymentIdentity | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Bootable {
  readonly entry: BootEntry;
  readonly deployment: Deployment;
}

const staterootName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

export class Sysroot {
  readonly path: string;
  readonly repository: Repository;

  private constructor(path: string, repository: Repository) {
    this.path = path;
    this.repository = repository;
  }

  /** @throws OstreeError REPOSITORY_INVALID */
  static async open(path: string): Promise<Sysroot> {
    return new Sysroot(path, await Repository.open(join(path, 'ostree/repo')));
  }

  /** Makes a sysroot with one stateroot and no boot loader of its own in a directory. What is there already is kept. */
  static async create(path: string, options: { stateroot: string }): Promise<Sysroot> {
    assertStateroot(options.stateroot);
    await mkdir(path, { recursive: true });
    const repository = join(path, 'ostree/repo');
    const present = await Repository.open(repository).catch(() => undefined);
    if (present === undefined) await runCommand('ostree', ['admin', 'init-fs', '--modern', path]);
    // Otherwise ostree looks for a GRUB in /boot and runs its scripts.
    await runCommand('ostree', ['config', `--repo=${repository}`, 'set', 'sysroot.bootloader', 'none']);
    const stateroots = await readdir(join(path, 'ostree/deploy'));
    if (!stateroots.includes(options.stateroot)) {
      await runCommand('ostree', ['admin', 'os-init', `--sysroot=${path}`, options.stateroot]);
    }
    return Sysroot.open(path);
  }

  /** All deployments in boot order: the first is booted next. */
  async deployments(): Promise<Deployment[]> {
    return (await this.#load()).map(({ deployment }) => deployment);
  }

  deploymentPath(deployment: DeploymentIdentity): string {
    return join(this.path, 'ostree/deploy', deploymentDirectory(deployment));
  }

  /** @throws OstreeError DEPLOYMENT_NOT_FOUND */
  async bootEntry(deployment: DeploymentIdentity): Promise<BootEntry> {
    return find(await this.#load(), deployment).entry;
  }

  /**
   * Makes a deployment that is not booted next, except where there was none before. Others stay.
   * @throws OstreeError KERNEL_ARGUMENT_INVALID, DEPLOYMENT_NOT_FOUND, DISK_FULL, OSTREE_COMMAND_FAILED
   */
  async deploy(options: DeployOptions): Promise<Deployment> {
    const { commit, stateroot, kernelArguments, mergeFrom, signal } = options;
    assertStateroot(stateroot);
    assertKernelArguments(kernelArguments);
    // libostree merges /etc from what is booted, or where nothing is, from the stateroot's first deployment.
    if (mergeFrom !== undefined) await this.setDefault(mergeFrom, { signal });
    const before = await this.deployments();
    const origin = temporaryPath(this.repository.path);
    try {
      await writeFile(origin, options.origin ?? formatOrigin(options.imageReference), { flag: 'wx' });
      const args = ['--not-as-default', '--retain', '--no-prune', '--karg-none', `--origin-file=${origin}`];
      if (mergeFrom === undefined) args.push('--no-merge');
      args.push(...kernelArguments.map((argument) => `--karg-append=${argument}`));
      await runCommand('ostree', ['admin', 'deploy', `--sysroot=${this.path}`, `--os=${stateroot}`, ...args, commit], {
        signal,
      });
    } finally {
      await removeTemporary(origin);
    }
    const after = await this.deployments();
    // Somebody else may deploy at the same time.
    const words = kernelArguments.join(' ');
    const added = after.find(
      (deployment) =>
        deployment.checksum === commit &&
        deployment.kernelArguments.join(' ') === words &&
        !before.some((old) => isSameDeployment(old, deployment)),
    );
    if (added !== undefined) return added;
    throw new OstreeError(
      'OSTREE_COMMAND_FAILED',
      `\`ostree admin deploy\` ended well and ${this.path} has no new deployment; run \`ostree admin status\` to see why`,
    );
  }

  /**
   * Makes a deployment the one that is booted next, in one step: a crash leaves the old order or the new one.
   * @throws OstreeError DEPLOYMENT_NOT_FOUND, OSTREE_COMMAND_FAILED, SYSROOT_INVALID
   */
  async setDefault(deployment: DeploymentIdentity, options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    const present = await this.#load();
    const chosen = find(present, deployment);
    const { index } = chosen.deployment;
    if (index === 0) return;
    if (await this.#hasSetDefault(options.signal)) {
      const args = ['admin', 'set-default', `--sysroot=${this.path}`, String(index)];
      await runCommand('ostree', args, { signal: options.signal });
      return;
    }
    await this.#assertNoBootLoader();
    const order = [chosen, ...present.filter((other) => other !== chosen)];
    const bootVersion = chosen.entry.boot.bootVersion === 0 ? 1 : 0;
    const plan = planBootOrder(
      order.map(({ entry, deployment: target }) => ({ entry, directory: deploymentDirectory(target) })),
      bootVersion,
    );
    await swapBootOrder(this.path, plan, options);
    // How daemons that use libostree see that deployments changed (ostree-sysroot.c, _ostree_sysroot_bump_mtime).
    const now = new Date();
    await utimes(join(this.path, 'ostree/deploy'), now, now);
  }

  /**
   * Removes a deployment, and from the repository what nothing else refers to: not while an image is imported.
   * @throws OstreeError DEPLOYMENT_NOT_FOUND, DEPLOYMENT_IN_USE, OSTREE_COMMAND_FAILED
   */
  async undeploy(deployment: DeploymentIdentity, signal?: AbortSignal): Promise<void> {
    const { index } = find(await this.#load(), deployment).deployment;
    if (index === 0) {
      throw new OstreeError(
        'DEPLOYMENT_IN_USE',
        `${deploymentDirectory(deployment)} is booted next and was not removed; make another one the default first`,
      );
    }
    await runCommand('ostree', ['admin', 'undeploy', `--sysroot=${this.path}`, String(index)], { signal });
  }

  async #load(): Promise<Bootable[]> {
    return await atOneMoment(this.path, () => this.#loadOnce());
  }

  async #loadOnce(): Promise<Bootable[]> {
    const loader = join(this.path, 'boot/loader');
    const names = await readdir(join(loader, 'entries')).catch((error: unknown) => {
      if (isAbsent(error)) return [];
      throw error;
    });
    const entries: BootEntry[] = [];
    for (const name of names.filter((candidate) => candidate.endsWith('.conf'))) {
      const entry = parseBootEntry(name, await readFile(join(loader, 'entries', name), 'utf8'));
      if (entry !== undefined) entries.push(entry);
    }
    entries.sort((a, b) => b.version - a.version);
    return Promise.all(
      entries.map(async (entry, index) => ({ entry, deployment: await this.#loadDeployment(entry, index) })),
    );
  }

  async #loadDeployment(entry: BootEntry, index: number): Promise<Deployment> {
    const identity = await this.#resolve(entry);
    const origin = await readFile(`${this.deploymentPath(identity)}.origin`, 'utf8').catch((error: unknown) => {
      if (isAbsent(error)) return '';
      throw error;
    });
    const { imageReference, pinned } = parseOrigin(origin);
    const imageDigest = await this.#imageDigest(identity.checksum);
    return { ...identity, index, kernelArguments: entry.kernelArguments, imageReference, imageDigest, pinned };
  }

  /** From the commit, which says it for every tool's deployments. A damaged repository must not hide what can be booted. */
  async #imageDigest(checksum: OstreeChecksum): Promise<Digest | undefined> {
    try {
      const digest = metadataString(this.repository.readCommit(checksum), manifestDigestKey);
      return digest !== undefined && isDigest(digest) ? digest : undefined;
    } catch (error) {
      if (error instanceof OstreeError && error.code === 'REPOSITORY_DAMAGED') return undefined;
      throw error;
    }
  }

  /** Follows the link that the kernel argument `ostree=` names. */
  async #resolve({ boot, fileName }: BootEntry): Promise<DeploymentIdentity> {
    const link = join('ostree', `boot.${boot.bootVersion}`, boot.stateroot, boot.bootChecksum, String(boot.serial));
    const target = await readlink(join(this.path, link)).catch((cause: unknown) => {
      throw new OstreeError(
        'SYSROOT_INVALID',
        `the boot entry ${fileName} needs ${link}, which cannot be read; remove it`,
        {
          cause,
        },
      );
    });
    const [, stateroot, checksum, serial] =
      /^(?:\.\.\/){3}deploy\/([^/]+)\/deploy\/([0-9a-f]{64})\.(\d+)$/.exec(target) ?? [];
    if (stateroot !== boot.stateroot || checksum === undefined) {
      throw new OstreeError(
        'SYSROOT_INVALID',
        `the boot entry ${fileName} leads to ${target}, which is no deployment of ${boot.stateroot}; remove it`,
      );
    }
    return { stateroot, checksum: parseChecksum(checksum), serial: Number(serial) };
  }

  /** The command came with ostree 2023.2. */
  async #hasSetDefault(signal: AbortSignal | undefined): Promise<boolean> {
    return /^\s*set-default\b/m.test(await runCommand('ostree', ['admin', '--help'], { signal }));
  }

  /** Boot loaders with files of their own need libostree to write them. */
  async #assertNoBootLoader(): Promise<void> {
    const config = await readFile(join(this.repository.path, 'config'), 'utf8');
    if (/^\s*bootloader\s*=\s*none\s*$/m.test(config)) return;
    throw new OstreeError(
      'SYSROOT_INVALID',
      `this ostree cannot change the boot order for a boot loader with its own files; install ostree 2023.2 or later, or run \`ostree config --repo=${this.repository.path} set sysroot.bootloader none\` if the boot loader reads /boot/loader`,
    );
  }
}

function find(bootables: readonly Bootable[], identity: DeploymentIdentity): Bootable {
  const found = bootables.find(({ deployment }) => isSameDeployment(deployment, identity));
  if (found !== undefined) return found;
  throw new OstreeError(
    'DEPLOYMENT_NOT_FOUND',
    `there is no deployment ${deploymentDirectory(identity)}; run \`ostree admin status\` to see what there is`,
  );
}

function assertStateroot(name: string): void {
  if (staterootName.test(name)) return;
  throw new OstreeError(
    'SYSROOT_INVALID',
    `${JSON.stringify(name.slice(0, 100))} cannot name a stateroot; use letters, digits, dots, dashes and underscores`,
  );
}
