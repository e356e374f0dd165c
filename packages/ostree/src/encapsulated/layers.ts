// Images that were made from an OSTree commit, as rpm-ostree and `ostree container encapsulate` make them: their first layers
// carry the commit's objects (ostree-ext, lib/src/container/encapsulate.rs), and layers that were built on them follow.
import { type Digest, type Image, isDigest } from '@varve/oci';
import { isChecksum, type OstreeChecksum } from '../checksum.ts';
import { OstreeError } from '../error.ts';
import type { ImageLayer } from '../fetch-layers.ts';

/** The commit that an image was made from, and its layers. The first one has the commit itself. */
export interface Encapsulation {
  readonly commit: OstreeChecksum;
  readonly baseLayers: readonly [ImageLayer, ...ImageLayer[]];
  readonly derivedLayers: readonly ImageLayer[];
}

/**
 * What the labels of an image say; undefined when it was not made from an OSTree commit.
 * @throws OstreeError IMAGE_UNSUPPORTED
 */
export function encapsulationOf(
  { config, manifestDigest }: Image,
  layers: readonly ImageLayer[],
): Encapsulation | undefined {
  const labels = new Map(Object.entries(config.config.Labels));
  const commit = labels.get('ostree.commit');
  const finalDiffId = labels.get('ostree.final-diffid');
  if (commit === undefined && finalDiffId === undefined) return undefined;
  if (commit === undefined || !isChecksum(commit)) {
    throw unsupported(manifestDigest, 'has the labels of an OSTree commit, and none of them is the checksum of one');
  }
  // The oldest of these images have a single layer and no second label.
  const last = finalDiffId === undefined ? 0 : layers.findIndex(({ diffId }) => diffId === finalDiffId);
  const [first, ...others] = layers.slice(0, last + 1);
  if (first === undefined) {
    const name = finalDiffId !== undefined && isDigest(finalDiffId) ? finalDiffId : 'something else';
    throw unsupported(manifestDigest, `has no layer with the diff-id of its label ostree.final-diffid, ${name}`);
  }
  return { commit, baseLayers: [first, ...others], derivedLayers: layers.slice(last + 1) };
}

function unsupported(digest: Digest, why: string): OstreeError {
  return new OstreeError('IMAGE_UNSUPPORTED', `the image ${digest} ${why}; build and push it again`);
}
