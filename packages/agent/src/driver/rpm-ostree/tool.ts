// Images by rpm-ostree, with packages and another kernel on top of them. What it stages is locked from the beginning, so
// that no shutdown makes it the next boot, and is taken away again: the commit stays.
import { join } from 'node:path';
import { extensionsImageOf } from '@varve/api';
import { type Digest, parseImageReference } from '@varve/oci';
import { type DeploymentIdentity, parseChecksum, type Sysroot } from '@varve/ostree';
import type { HostAbilities } from '../../content/plan.ts';
import { AgentError } from '../../error.ts';
import type { HostDeployment } from '../driver.ts';
import type { FetchedImage, FetchPlace, FetchRequest, ImageTool } from '../image-tool.ts';
import { fetchTimeout, type RunTool, requireTool } from '../run-tool.ts';
import { isStaged, readOrigin, stagedPath } from '../staged.ts';
import { isAtLeast, parseToolVersion } from '../tool-version.ts';
import { digestOfExtensions, type ExtensionsPlace, removeExtensions, withExtensions } from './extensions/lend.ts';
import { extensionsIn, withExtensionsIn } from './extensions/origin.ts';
import {
  imageCommand,
  isKernelPackage,
  isSameLayering,
  kernelCommands,
  type Layering,
  presentLayering,
  wantedLayering,
} from './layering.ts';
import { referenceLike } from './reference.ts';
import { parseRpmOstreeStatus, type RpmOstreeDeployment, type RpmOstreeStatus } from './status.ts';

/** The first version whose images are no experiment (Fedora 37). */
export const minimumRpmOstreeVersion = '2022.16';

export interface RpmOstreeToolOptions {
  readonly run: RunTool;
  /** Where OSTree says that something is staged. */
  readonly stagedPath?: string;
}

export class RpmOstreeTool implements ImageTool {
  readonly name: string;
  readonly abilities: HostAbilities = { extensions: true };
  readonly #run: RunTool;
  readonly #stagedPath: string;

  private constructor(version: string, options: RpmOstreeToolOptions) {
    this.name = `rpm-ostree ${version}`;
    this.#run = options.run;
    this.#stagedPath = options.stagedPath ?? stagedPath;
  }

  /** Throws DRIVER_UNSUITABLE when rpm-ostree is missing or too old. */
  static async open(options: RpmOstreeToolOptions, signal: AbortSignal): Promise<RpmOstreeTool> {
    const version = parseToolVersion(await requireTool(options.run, 'rpm-ostree', ['--version'], { signal }));
    if (version !== undefined && isAtLeast(version, minimumRpmOstreeVersion)) {
      return new RpmOstreeTool(version, options);
    }
    throw new AgentError(
      'DRIVER_UNSUITABLE',
      `this host has rpm-ostree ${version ?? 'of an unknown version'}; ${minimumRpmOstreeVersion} is the first one that serves`,
    );
  }

  async status(signal: AbortSignal): Promise<RpmOstreeStatus> {
    return parseRpmOstreeStatus(await requireTool(this.#run, 'rpm-ostree', ['status', '--json'], { signal }));
  }

  async booted(signal: AbortSignal): Promise<string> {
    const { checksum, serial } = requireSuitable(await this.status(signal));
    return `${checksum}.${serial}`;
  }

  async fetch(request: FetchRequest): Promise<FetchedImage> {
    const { sysroot, image, spec, pin } = request;
    const wanted = wantedLayering(spec);
    const extensions = extensionsImageOf(spec);
    const digest = extensions === undefined ? undefined : digestOfExtensions(extensions);
    const status = await this.status(request.signal);
    const booted = requireSuitable(status);
    const present = status.deployments.find((one) => !one.staged && isImage(one, image) && hasLayering(one, wanted));
    const origin = present && (await readOrigin(sysroot, identityOf(present)));
    if (present && extensionsIn(origin) === digest) {
      return { commit: identityOf(present).checksum, origin, kernelArguments: [] };
    }
    await this.discardStaged(request.signal);
    try {
      const stage = async () => await this.#stage(request, booted, wanted, digest);
      const staged = await (extensions === undefined
        ? stage()
        : withExtensions({ ...request, ...placeOf(request), image: extensions }, stage));
      await pin(staged.checksum);
      const its = (await readOrigin(sysroot, staged)) ?? '';
      return { commit: staged.checksum, origin: withExtensionsIn(its, digest), kernelArguments: [] };
    } finally {
      await this.discardStaged(AbortSignal.timeout(fetchTimeout));
    }
  }

  async recover(place: FetchPlace): Promise<void> {
    await removeExtensions(placeOf(place));
  }

  async pending(sysroot: Sysroot, signal: AbortSignal): Promise<HostDeployment | undefined> {
    if (!(await isStaged(this.#stagedPath))) return undefined;
    const staged = (await this.status(signal)).deployments.find((deployment) => deployment.staged);
    if (!staged || staged['finalization-locked']) return undefined;
    return {
      name: `${staged.checksum}.${staged.serial}`,
      checksum: staged.checksum,
      image: staged['container-image-reference']?.replace(/^ostree-[a-z-]+:/, ''),
      imageDigest: staged['container-image-reference-digest'],
      kernelArguments: [],
      applied: undefined,
      complete: true,
      root: sysroot.deploymentPath(identityOf(staged)),
    };
  }

  async discardStaged(signal: AbortSignal): Promise<void> {
    if (!(await isStaged(this.#stagedPath))) return;
    await requireTool(this.#run, 'rpm-ostree', ['cleanup', '--pending'], { signal });
  }

  /** rpm-ostree has no kernel arguments of images. */
  async imageKernelArguments(): Promise<readonly string[]> {
    return [];
  }

  /** `rpm-ostree rollback` takes the deployment behind the booted one, while that one is the next boot itself. */
  async rollBackTo(name: string, signal: AbortSignal): Promise<boolean> {
    const [first, second] = (await this.status(signal)).deployments;
    if (!first?.booted || !second || `${second.checksum}.${second.serial}` !== name) return false;
    await requireTool(this.#run, 'rpm-ostree', ['rollback'], { signal });
    return true;
  }

  /**
   * Each command goes on from what the one before staged. Packages that are the newest already leave nothing staged: what
   * runs is it then.
   */
  async #stage(
    { sysroot, image, enforcePolicy, signal, onProgress }: FetchRequest,
    booted: RpmOstreeDeployment,
    wanted: Layering,
    extensions: Digest | undefined,
  ): Promise<DeploymentIdentity> {
    onProgress({ bytesDone: 0, bytesTotal: 0, step: 'rpm-ostree fetches the image' });
    const reference = referenceLike(booted['container-image-reference'], image, enforcePolicy);
    const isOutdated = extensionsIn(await readOrigin(sysroot, identityOf(booted))) !== extensions;
    const command = imageCommand(booted, reference, wanted, isOutdated && hasLayers(booted));
    if (command) await this.#change(command, signal);
    const latest = command ? stagedOr(command, await this.status(signal), image) : booted;
    const available = await this.#kernelPackages(sysroot, latest, wanted, signal);
    const kernel = kernelCommands(latest, wanted.kernelType, available);
    for (const kernelCommand of kernel) await this.#change(kernelCommand, signal);
    return identityOf(kernel.length > 0 ? stagedIn(await this.status(signal), image) : latest);
  }

  async #change(command: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      await requireTool(this.#run, 'rpm-ostree', command, { signal, timeout: fetchTimeout });
    } catch (error) {
      if (!isDrivenByOther(error)) throw error;
      const { 'driver-name': name = 'another program', 'driver-sd-unit': unit = 'its unit' } =
        (await this.status(signal))['update-driver'] ?? {};
      throw new AgentError(
        'DRIVER_UNSUITABLE',
        `${name} updates this host, too, and rpm-ostree leaves that to it: run \`systemctl disable --now ${unit}\`, and mask it in the image`,
        { cause: error },
      );
    }
  }

  async #kernelPackages(
    sysroot: Sysroot,
    deployment: RpmOstreeDeployment,
    { kernelType }: Layering,
    signal: AbortSignal,
  ): Promise<string[]> {
    if (presentLayering(deployment).kernelType === kernelType) return [];
    const database = `${sysroot.deploymentPath(identityOf(deployment))}/usr/share/rpm`;
    const query = ['-qa', '--dbpath', database, '--queryformat', '%{NAME}\\n', 'kernel*'];
    return (await requireTool(this.#run, 'rpm', query, { signal })).split('\n').filter((name) => name !== '');
  }
}

/** The booted deployment, when nothing on it would be lost. Throws DRIVER_UNSUITABLE. */
export function requireSuitable({ deployments }: RpmOstreeStatus): RpmOstreeDeployment {
  const booted = deployments.find((deployment) => deployment.booted);
  if (!booted) throw unsuitable('rpm-ostree says that this system did not boot from one of its deployments');
  const local = [
    ...booted['requested-local-packages'],
    ...booted['requested-local-fileoverride-packages'],
    ...booted['requested-base-local-replacements'],
    ...replacingRepositories(booted).map((repository) => `packages from ${repository}`),
    ...booted['requested-base-removals'].filter((name) => !isKernelPackage(name)),
    ...booted['requested-modules'],
  ];
  if (local.length > 0) {
    throw unsuitable(
      `this host has changes that a config cannot name (${local.join(', ')}): make them in the image, and run \`rpm-ostree reset\``,
    );
  }
  if (booted['initramfs-etc'].length > 0 || booted['regenerate-initramfs']) {
    throw unsuitable(
      'the initramfs of this host is made on it: make it in the image, then run `rpm-ostree initramfs --disable` and `rpm-ostree initramfs-etc --untrack-all`',
    );
  }
  return booted;
}

function replacingRepositories(deployment: RpmOstreeDeployment): string[] {
  const requested = deployment['requested-base-remote-replacements'].map(([repository]) => repository);
  return [...new Set([...Object.keys(deployment['base-remote-replacements']), ...requested])];
}

/** What rpm-ostree says then (rpmostree-clientlib.cxx, error_if_driver_registered). */
function isDrivenByOther(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Updates and deployments are driven by');
}

function stagedIn({ deployments }: RpmOstreeStatus, image: string): RpmOstreeDeployment {
  const staged = deployments.find((deployment) => deployment.staged);
  if (staged && isImage(staged, image)) return staged;
  throw new AgentError(
    'HOST_COMMAND_FAILED',
    `rpm-ostree ended well and ${image} is not staged; run \`rpm-ostree status\` to see why`,
  );
}

/** What the command staged. An upgrade that found nothing new stages nothing. */
function stagedOr(command: readonly string[], status: RpmOstreeStatus, image: string): RpmOstreeDeployment {
  const hasStaged = status.deployments.some((deployment) => deployment.staged);
  return command[0] === 'upgrade' && !hasStaged ? requireSuitable(status) : stagedIn(status, image);
}

function hasLayers(deployment: RpmOstreeDeployment): boolean {
  return deployment['requested-packages'].length > 0;
}

function placeOf({ workspace, root }: FetchPlace): ExtensionsPlace {
  return { directory: join(workspace, 'extensions'), root };
}

/** A commit with packages on top of an image does not say of which; rpm-ostree does. */
function isImage(deployment: RpmOstreeDeployment, image: string): boolean {
  const { digest } = parseImageReference(image);
  if (!digest) return false;
  if (deployment['container-image-reference-digest'] === digest) return true;
  return deployment['container-image-reference']?.endsWith(`@${digest}`) ?? false;
}

function hasLayering(deployment: RpmOstreeDeployment, wanted: Layering): boolean {
  return isSameLayering(presentLayering(deployment), wanted);
}

function identityOf({ osname, checksum, serial }: RpmOstreeDeployment): DeploymentIdentity {
  return { stateroot: osname, checksum: parseChecksum(checksum), serial };
}

function unsuitable(message: string): AgentError {
  return new AgentError('DRIVER_UNSUITABLE', message);
}
