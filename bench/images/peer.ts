// The existing importer's way, by the tools it is made of: skopeo fetches, each layer becomes a commit, all are checked out
// over each other by hard links, and the result is committed. As ostree-ext does it (lib/src/container/store.rs and
// lib/src/tar/write.rs).
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { digestHex, isImageIndex, parseManifest } from '@varve/oci';
import type { Importer, MeasuredImport } from './importer.ts';
import { type MeasuredProcess, runMeasured } from './measured-process.ts';

/** Keeps the layout and the layers' commits between imports, as a host does. */
export class Peer implements Importer {
  readonly name = 'skopeo and ostree';
  readonly #layout: string;
  readonly #repository: string;
  readonly #layers = new Set<string>();

  constructor(directory: string) {
    this.#layout = join(directory, 'layout');
    this.#repository = join(directory, 'repo');
  }

  async import(reference: string, signal: AbortSignal): Promise<MeasuredImport> {
    const steps: MeasuredProcess[] = [];
    if (this.#layers.size === 0) steps.push(await this.#ostree(['init', '--mode=bare'], signal));
    const copy = ['copy', '--quiet', '--src-tls-verify=false', `docker://${reference}`, `oci:${this.#layout}:image`];
    steps.push(await runMeasured('skopeo', copy, signal));
    const layers = await layersIn(this.#layout);
    for (const layer of layers) {
      if (!this.#layers.has(layer)) steps.push(await this.#commitLayer(layer, signal));
      this.#layers.add(layer);
    }
    steps.push(...(await this.#merge(layers, signal)));
    return { seconds: secondsOf(steps), peakMemory: Math.max(...steps.map(({ peakMemory }) => peakMemory)) };
  }

  async merge(_reference: string, signal: AbortSignal): Promise<number> {
    await this.#ostree(['refs', '--delete', 'image'], signal);
    await this.#ostree(['prune', '--refs-only'], signal);
    return secondsOf(await this.#merge(await layersIn(this.#layout), signal));
  }

  #commitLayer(layer: string, signal: AbortSignal): Promise<MeasuredProcess> {
    const blob = join(this.#layout, 'blobs/sha256', layer);
    const filter = ['--tar-autocreate-parents', '--tar-pathname-filter=^etc,usr/etc'];
    const args = ['commit', `--branch=layer/${layer}`, '--no-bindings', ...filter, `--tree=tar=${blob}`];
    return this.#ostree(args, signal);
  }

  async #merge(layers: readonly string[], signal: AbortSignal): Promise<MeasuredProcess[]> {
    const tree = join(this.#repository, 'tmp/merge');
    const steps: MeasuredProcess[] = [];
    for (const layer of layers) {
      const checkout = ['checkout', '--union', '--whiteouts', '--require-hardlinks', `layer/${layer}`, tree];
      steps.push(await this.#ostree(checkout, signal));
    }
    const commit = ['commit', '--branch=image', '--no-bindings', '--link-checkout-speedup', '--consume'];
    steps.push(await this.#ostree([...commit, `--tree=dir=${tree}`], signal));
    await rm(tree, { recursive: true, force: true });
    return steps;
  }

  #ostree(args: readonly string[], signal: AbortSignal): Promise<MeasuredProcess> {
    return runMeasured('ostree', [...args.slice(0, 1), `--repo=${this.#repository}`, ...args.slice(1)], signal);
  }
}

async function layersIn(layout: string): Promise<string[]> {
  const index = parseManifest(await readFile(join(layout, 'index.json')));
  const named = isImageIndex(index) ? index.manifests.at(-1) : undefined;
  if (named === undefined) throw new Error(`${layout} has no image`);
  const blob = join(layout, 'blobs/sha256', digestHex(named.digest));
  const manifest = parseManifest(await readFile(blob), named.mediaType);
  if (isImageIndex(manifest)) throw new Error(`${layout} has an index of indexes`);
  return manifest.layers.map(({ digest }) => digestHex(digest));
}

function secondsOf(steps: readonly MeasuredProcess[]): number {
  let seconds = 0;
  for (const step of steps) seconds += step.seconds;
  return seconds;
}
