// An image from its registry into the sysroot's repository, by digest: Varve's own way, which needs no other tool.
import { parseImageReference } from '@varve/oci';
import { type ImportProgress, importImage, type OstreeChecksum, type Sysroot } from '@varve/ostree';
import { imageOnly } from '../../content/plan.ts';
import { AgentError } from '../../error.ts';
import type { Network } from '../../network/network.ts';
import type { StageProgress } from '../driver.ts';
import type { FetchedImage, FetchRequest, ImageTool } from '../image-tool.ts';
import { type RunTool, requireTool, toolRunner } from '../run-tool.ts';
import { discardArguments, isStaged } from '../staged.ts';

export interface ImportOptions {
  readonly sysroot: Sysroot;
  /** By digest. */
  readonly image: string;
  readonly network: Network;
  readonly signal: AbortSignal;
  readonly onProgress: ((progress: StageProgress) => void) | undefined;
}

const steps: Readonly<Record<ImportProgress['step'], string>> = {
  fetch: 'fetching the image',
  merge: 'importing the image',
  done: 'the image is imported',
};

export async function importFromRegistry(options: ImportOptions): Promise<OstreeChecksum> {
  const { sysroot, image, network, signal, onProgress } = options;
  const reference = parseImageReference(image);
  if (!reference.digest) {
    throw new AgentError(
      'CONFIG_UNSUPPORTED',
      `the image ${image} has no digest; the control plane resolves tags, hosts take only digests`,
    );
  }
  await using source = await network.openImage(reference, signal);
  const { commit } = await importImage({
    repository: sysroot.repository,
    image: { ...(await source.getImage({ signal })), reference },
    openLayer: (descriptor, layerSignal) => source.openBlob(descriptor, { signal: layerSignal }),
    openRanges: (descriptor, ranges, layerSignal) => source.openRanges(descriptor, ranges, layerSignal),
    signal,
    onProgress: ({ step, ...progress }) => onProgress?.({ ...progress, step: steps[step] }),
  });
  return commit;
}

/** Nothing is staged by this tool, but maybe by `ostree admin deploy --stage`; and the images of hosts that it serves bring no kernel arguments. */
export class OwnImporter implements ImageTool {
  readonly name = 'ostree';
  readonly abilities = imageOnly;
  readonly #network: Network;
  readonly #stagedPath: string | undefined;
  readonly #run: RunTool;

  /** `stagedPath`: where OSTree says that something is staged; undefined for a sysroot that is not booted. */
  constructor(network: Network, stagedPath: string | undefined, run = toolRunner()) {
    this.#network = network;
    this.#stagedPath = stagedPath;
    this.#run = run;
  }

  async booted(): Promise<undefined> {}

  /** An image that is deployed already needs nothing, not even its manifest. */
  async fetch({ sysroot, image, deployed, signal, onProgress }: FetchRequest): Promise<FetchedImage> {
    if (deployed) return { commit: deployed.checksum, kernelArguments: [] };
    const commit = await importFromRegistry({ sysroot, image, network: this.#network, signal, onProgress });
    return { commit, kernelArguments: [] };
  }

  async recover(): Promise<void> {}

  async pending(): Promise<undefined> {}

  async discardStaged(signal: AbortSignal): Promise<void> {
    if (this.#stagedPath === undefined || !(await isStaged(this.#stagedPath))) return;
    await requireTool(this.#run, 'ostree', discardArguments, { signal });
  }

  async imageKernelArguments(): Promise<readonly string[]> {
    return [];
  }

  async rollBackTo(): Promise<boolean> {
    return false;
  }
}
