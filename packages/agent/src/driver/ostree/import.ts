// An image from its registry into the sysroot's repository, by digest: Varve's own way, which needs no other tool.
import { formatImageReference, type ImageReference, parseImageReference, type RegistryClientOptions } from '@varve/oci';
import { type ImportProgress, importImage, type OstreeChecksum, type Sysroot } from '@varve/ostree';
import { imageOnly } from '../../content/plan.ts';
import type { Identity } from '../../enroll/identity.ts';
import { AgentError } from '../../error.ts';
import type { StageProgress } from '../driver.ts';
import type { FetchedImage, FetchRequest, ImageTool } from '../image-tool.ts';
import { registryClientFor } from './registry.ts';

export interface ImportOptions {
  readonly sysroot: Sysroot;
  /** A tag is resolved once; what is imported is named by digest. */
  readonly image: string;
  readonly identity: Identity | undefined;
  readonly registry: RegistryClientOptions | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: ((progress: StageProgress) => void) | undefined;
}

export interface Imported {
  readonly commit: OstreeChecksum;
  /** Reference by digest. */
  readonly image: string;
}

const steps: Readonly<Record<ImportProgress['step'], string>> = {
  fetch: 'fetching the image',
  merge: 'importing the image',
  done: 'the image is imported',
};

export async function importFromRegistry(options: ImportOptions): Promise<Imported> {
  const { sysroot, identity, registry, signal, onProgress } = options;
  const named = parseImageReference(options.image);
  await using client = await registryClientFor(named, identity, registry);
  const { digest } = named.digest ? { digest: named.digest } : await client.resolve(named, { signal });
  const reference: ImageReference = { registry: named.registry, repository: named.repository, digest };
  const { commit } = await importImage({
    repository: sysroot.repository,
    image: await client.getImage(reference, { signal }),
    openLayer: (descriptor, layerSignal) => client.openBlob(reference, descriptor, { signal: layerSignal }),
    openRanges: (descriptor, ranges, layerSignal) =>
      client.openRanges(reference, descriptor, ranges, layerSignal ? { signal: layerSignal } : {}),
    signal,
    onProgress: ({ step, ...progress }) => onProgress?.({ ...progress, step: steps[step] }),
  });
  return { commit, image: formatImageReference(reference) };
}

/** Nothing is staged by this tool, and the images of hosts that it serves bring no kernel arguments. */
export class OwnImporter implements ImageTool {
  readonly name = 'ostree';
  readonly abilities = imageOnly;
  readonly #identity: () => Promise<Identity | undefined>;
  readonly #registry: RegistryClientOptions | undefined;

  constructor(identity: () => Promise<Identity | undefined>, registry: RegistryClientOptions | undefined) {
    this.#identity = identity;
    this.#registry = registry;
  }

  /** An image that is deployed already needs nothing, not even its manifest. */
  async fetch({ sysroot, image, deployed, signal, onProgress }: FetchRequest): Promise<FetchedImage> {
    if (deployed) return { commit: deployed.checksum, kernelArguments: [] };
    if (!parseImageReference(image).digest) {
      throw new AgentError(
        'CONFIG_UNSUPPORTED',
        `the image ${image} has no digest; the control plane resolves tags, hosts take only digests`,
      );
    }
    const source = { sysroot, image, identity: await this.#identity(), registry: this.#registry };
    const { commit } = await importFromRegistry({ ...source, signal, onProgress });
    return { commit, kernelArguments: [] };
  }

  async pending(): Promise<undefined> {}

  async discardStaged(): Promise<void> {}

  async imageKernelArguments(): Promise<readonly string[]> {
    return [];
  }

  async rollBackTo(): Promise<boolean> {
    return false;
  }
}
