// Tells what an image is without unpacking it: one pass over its layers.
import { type Descriptor, type Digest, type ImageSource, readLayer } from '@varve/oci';
import { BuildError } from '../error.ts';
import { LayerFacts } from '../lint/layer-facts.ts';
import { type LintFinding, lintImage } from '../lint/rules.ts';
import { parseOsRelease } from '../os-release.ts';
import { countInstalledPackages } from './packages.ts';

export interface ImageInspection {
  /** As a user writes it. */
  readonly name: string;
  readonly digest: Digest;
  readonly architecture: string;
  /** ISO 8601, where the image says so. */
  readonly created?: string | undefined;
  readonly layers: readonly LayerInspection[];
  /** Bytes of all layers as a host fetches them. */
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
  /** PRETTY_NAME of os-release. */
  readonly osRelease?: string | undefined;
  readonly kernels: readonly string[];
  /** Installed packages; undefined where the image has no dpkg. */
  readonly packages?: number | undefined;
  readonly bootable: boolean;
  /** Why it is not bootable. */
  readonly findings: readonly LintFinding[];
}

export interface LayerInspection {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes, compressed. */
  readonly size: number;
}

export interface InspectImageOptions {
  readonly source: ImageSource;
  readonly signal?: AbortSignal | undefined;
}

/** Reads all layers. Throws what the source and readLayer of @varve/oci throw, and BuildError IMAGE_UNREADABLE. */
export async function inspectImage({ source, signal }: InspectImageOptions): Promise<ImageInspection> {
  const waiting = signal === undefined ? {} : { signal };
  const image = await source.getImage(waiting);
  const layers = new LayerFacts();
  for (const [index, descriptor] of image.manifest.layers.entries()) {
    const diffId = image.config.rootfs.diff_ids[index];
    if (diffId === undefined) {
      throw new BuildError('IMAGE_UNREADABLE', `${image.manifestDigest} has more layers than diff-ids; build it again`);
    }
    const blob = await source.openBlob(descriptor, waiting);
    await layers.add(readLayer(blob, descriptor, diffId, waiting));
  }
  const facts = layers.facts();
  const findings = lintImage(facts);
  const osRelease = layers.osRelease();
  const status = layers.packageStatus();
  return {
    name: source.name,
    digest: image.manifestDigest,
    architecture: image.config.architecture,
    created: image.config.created,
    layers: image.manifest.layers.map(({ digest, mediaType, size }) => ({ digest, mediaType, size })),
    size: totalSize(image.manifest.layers),
    labels: image.config.config.Labels,
    osRelease: osRelease === undefined ? undefined : parseOsRelease(osRelease).get('PRETTY_NAME'),
    kernels: facts.kernels.map((kernel) => kernel.version),
    packages: status === undefined ? undefined : countInstalledPackages(status),
    bootable: findings.length === 0,
    findings,
  };
}

function totalSize(layers: readonly Descriptor[]): number {
  let size = 0;
  for (const layer of layers) size += layer.size;
  return size;
}
