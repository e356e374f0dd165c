// Images by bootc: it fetches with its own credentials, verifies by its own policy and brings logically bound images
// along. What it stages is taken away again at once: the download stays, and nothing boots it before the apply.
import { parseImageReference } from '@varve/oci';
import { parseChecksum, type Sysroot } from '@varve/ostree';
import { imageOnly } from '../../content/plan.ts';
import { AgentError } from '../../error.ts';
import type { HostDeployment } from '../driver.ts';
import type { FetchedImage, FetchRequest, ImageTool } from '../image-tool.ts';
import { fetchTimeout, type RunTool, requireTool } from '../run-tool.ts';
import { discardArguments, isStaged, readOrigin, stagedPath } from '../staged.ts';
import { isAtLeast, parseToolVersion } from '../tool-version.ts';
import {
  minimumBootcVersion,
  rollbackArguments,
  statusArguments,
  switchArguments,
  versionArguments,
} from './command.ts';
import { readImageKernelArguments } from './kernel-arguments.ts';
import { type BootcEntry, type BootcHost, parseBootcStatus } from './status.ts';

export interface BootcToolOptions {
  readonly run: RunTool;
  /** Where OSTree says that something is staged. */
  readonly stagedPath?: string;
}

export class BootcTool implements ImageTool {
  readonly name: string;
  /** bootc takes a host as its image is. */
  readonly abilities = imageOnly;
  readonly #run: RunTool;
  readonly #stagedPath: string;

  private constructor(version: string, options: BootcToolOptions) {
    this.name = `bootc ${version}`;
    this.#run = options.run;
    this.#stagedPath = options.stagedPath ?? stagedPath;
  }

  /** Throws DRIVER_UNSUITABLE when bootc is missing or too old. */
  static async open(options: BootcToolOptions, signal: AbortSignal): Promise<BootcTool> {
    const version = parseToolVersion(await requireTool(options.run, 'bootc', versionArguments, { signal }));
    if (version !== undefined && isAtLeast(version, minimumBootcVersion)) return new BootcTool(version, options);
    throw new AgentError(
      'DRIVER_UNSUITABLE',
      `this host has bootc ${version ?? 'of an unknown version'}; ${minimumBootcVersion} is the first one that serves`,
    );
  }

  async status(signal: AbortSignal): Promise<BootcHost> {
    return parseBootcStatus(await requireTool(this.#run, 'bootc', statusArguments, { signal }));
  }

  async booted(signal: AbortSignal): Promise<string | undefined> {
    return nameOf(requireSuitable(await this.status(signal)));
  }

  async fetch(request: FetchRequest): Promise<FetchedImage> {
    const { sysroot, image, deployed, pin, signal, onProgress } = request;
    if (deployed) {
      const kernelArguments = await readImageKernelArguments(sysroot.deploymentPath(deployed));
      return { commit: deployed.checksum, origin: await readOrigin(sysroot, deployed), kernelArguments };
    }
    const booted = requireSuitable(await this.status(signal));
    await this.discardStaged(signal);
    onProgress({ bytesDone: 0, bytesTotal: 0, step: 'bootc fetches the image' });
    const enforcePolicy = request.enforcePolicy || booted.image?.image.signature === 'containerPolicy';
    try {
      const options = { signal, timeout: fetchTimeout };
      await requireTool(this.#run, 'bootc', switchArguments({ image, enforcePolicy }), options);
      const staged = stagedDeployment(await this.status(signal), image);
      await pin(staged.checksum);
      const kernelArguments = await readImageKernelArguments(sysroot.deploymentPath(staged));
      return { commit: staged.checksum, origin: await readOrigin(sysroot, staged), kernelArguments };
    } finally {
      await this.discardStaged(AbortSignal.timeout(fetchTimeout));
    }
  }

  async recover(): Promise<void> {}

  async pending(sysroot: Sysroot, signal: AbortSignal): Promise<HostDeployment | undefined> {
    if (!(await isStaged(this.#stagedPath))) return undefined;
    const { staged } = (await this.status(signal)).status;
    if (!staged?.ostree || staged.downloadOnly) return undefined;
    const { stateroot, checksum, deploySerial: serial } = staged.ostree;
    return {
      name: nameOf(staged) ?? '',
      checksum,
      image: staged.image?.image.image,
      imageDigest: staged.image?.imageDigest,
      kernelArguments: [],
      applied: undefined,
      complete: true,
      root: sysroot.deploymentPath({ stateroot, checksum: parseChecksum(checksum), serial }),
    };
  }

  async discardStaged(signal: AbortSignal): Promise<void> {
    if (!(await isStaged(this.#stagedPath))) return;
    const { staged } = (await this.status(signal)).status;
    if (staged) await requireTool(this.#run, 'ostree', discardArguments, { signal });
  }

  async imageKernelArguments(root: string): Promise<readonly string[]> {
    return await readImageKernelArguments(root);
  }

  /** `bootc rollback` is a switch between two: a second one takes the first one back. */
  async rollBackTo(name: string, signal: AbortSignal): Promise<boolean> {
    const { rollback, rollbackQueued } = (await this.status(signal)).status;
    if (rollbackQueued || !rollback?.image || nameOf(rollback) !== name) return false;
    await requireTool(this.#run, 'bootc', rollbackArguments, { signal });
    return true;
  }
}

/** The booted deployment, when bootc can go on from it. Throws DRIVER_UNSUITABLE. */
export function requireSuitable({ status: { booted } }: BootcHost): BootcEntry {
  if (!booted) throw unsuitable('bootc says that this system was not deployed by it; choose another driver');
  if (booted.composefs || !booted.ostree) {
    throw unsuitable('bootc keeps this system without an OSTree repository (composefs); Varve has no driver for that');
  }
  if (booted.incompatible) {
    throw unsuitable(
      'the booted deployment has changes by rpm-ostree that bootc would lose; choose the driver rpm-ostree, or run `rpm-ostree reset`',
    );
  }
  return booted;
}

function stagedDeployment({ status: { staged } }: BootcHost, image: string) {
  const { digest } = parseImageReference(image);
  const isIt = staged?.image?.imageDigest === digest || staged?.image?.image.image.endsWith(`@${digest}`);
  if (!staged?.ostree || !isIt) {
    throw new AgentError(
      'HOST_COMMAND_FAILED',
      `\`bootc switch\` ended well and ${image} is not staged; run \`bootc status\` to see why`,
    );
  }
  const { stateroot, checksum, deploySerial: serial } = staged.ostree;
  return { stateroot, checksum: parseChecksum(checksum), serial };
}

function nameOf({ ostree }: BootcEntry): string | undefined {
  return ostree ? `${ostree.checksum}.${ostree.deploySerial}` : undefined;
}

function unsuitable(message: string): AgentError {
  return new AgentError('DRIVER_UNSUITABLE', message);
}
