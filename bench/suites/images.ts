// What importing and updating images costs, beside the existing importer's way. Both take turns with the same images from the
// same registry, so that what else the machine does meets both. Bytes are counted at the registry.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatImageReference, type ImageReference, RegistryClient } from '@varve/oci';
import { TestRegistry } from '../../packages/registry/src/test-registry.ts';
import { type BenchImages, benchCache, buildBenchImages } from '../images/build.ts';
import { bundleWorker } from '../images/bundle.ts';
import { changedBytes } from '../images/changed-bytes.ts';
import { chunkInto } from '../images/chunk.ts';
import { type Content, newSize, readContent } from '../images/content.ts';
import {
  type Facts,
  type Figures,
  type Measured,
  noFigures,
  rowsOf,
  type Update,
  type UpdateFacts,
} from '../images/figures.ts';
import { measureHardware, secondsSince } from '../images/hardware.ts';
import type { Importer } from '../images/importer.ts';
import { Peer } from '../images/peer.ts';
import { Varve } from '../images/varve.ts';
import type { Suite } from '../row.ts';

const rounds = 3;
/** Seconds after which no third round begins, so that a busy machine does not measure for ever. */
const patience = 150;
/** A rebuilt base is the largest of all imports, and its bytes are always the same. */
const rebuildRounds = 2;

export const imagesSuite: Suite = {
  description: 'import and update of images, beside skopeo and ostree (needs root; the first run builds the images)',
  async run(report, signal) {
    await using registry = await TestRegistry.start();
    await using client = new RegistryClient({ insecure: true });
    const directory = await mkdtemp(join(tmpdir(), 'varve-bench-'));
    try {
      const built = await buildBenchImages(registry.host, report, signal);
      const images = await chunkImages(built, report, signal);
      const bench = new ImageBench({ registry, directory, worker: await bundleWorker(directory), report, signal });
      report('what the images hold, and what the machine can do');
      const facts = await readFacts(images, client, signal);
      const hardware = await measureHardware(directory);
      return rowsOf(await bench.measure(images), facts, hardware);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function chunkImages(
  built: BenchImages,
  report: (line: string) => void,
  signal: AbortSignal,
): Promise<BenchImages> {
  const chunk = async (reference: ImageReference): Promise<ImageReference> => {
    report(`images: ${reference.repository}, chunked`);
    return await chunkInto(join(benchCache, 'chunked'), reference, signal);
  };
  return {
    oldBase: await chunk(built.oldBase),
    base: await chunk(built.base),
    oldDerived: await chunk(built.oldDerived),
    derived: await chunk(built.derived),
  };
}

async function readFacts(images: BenchImages, client: RegistryClient, signal: AbortSignal): Promise<Facts> {
  const update = async (from: ImageReference, to: ImageReference): Promise<[UpdateFacts, Content]> => {
    const [before, after] = [await client.getImage(from, { signal }), await client.getImage(to, { signal })];
    const [old, content] = [await readContent(client, before, signal), await readContent(client, after, signal)];
    const wire = await changedBytes(client, before, after, signal);
    return [{ wire, content: newSize(old, content) }, content];
  };
  const [onePackage, image] = await update(images.oldDerived, images.derived);
  const [baseRebuild] = await update(images.oldBase, images.base);
  return { image, onePackage, baseRebuild };
}

class ImageBench {
  readonly #registry: TestRegistry;
  readonly #directory: string;
  readonly #worker: string;
  readonly #report: (line: string) => void;
  readonly #signal: AbortSignal;

  constructor(options: {
    registry: TestRegistry;
    directory: string;
    worker: string;
    report: (line: string) => void;
    signal: AbortSignal;
  }) {
    this.#registry = options.registry;
    this.#directory = options.directory;
    this.#worker = options.worker;
    this.#report = options.report;
    this.#signal = options.signal;
  }

  async measure(images: BenchImages): Promise<Measured> {
    const measured = { ours: noFigures(), peer: noFigures() };
    const start = performance.now();
    for (let round = 1; round <= rounds; round += 1) {
      if (round === rounds && secondsSince(start) > patience) break;
      await this.#inTurn(`round ${round}`, measured, async (importer, figures) => {
        figures.first.push(await importer.import(name(images.oldDerived), this.#signal));
        figures.merge.push(await importer.merge(name(images.oldDerived), this.#signal));
        figures.onePackage.push(await this.#update(importer, images.derived));
      });
    }
    for (let round = 1; round <= rebuildRounds; round += 1) {
      await this.#inTurn(`rebuilt base, round ${round}`, measured, async (importer, figures) => {
        await importer.import(name(images.oldBase), this.#signal);
        figures.baseRebuild.push(await this.#update(importer, images.base));
      });
    }
    return measured;
  }

  /**
   * Ours, then the peer, each in a new directory. They are removed when all is measured: without a journal ext4 makes no use of
   * an inode that was freed in the last minute, or in the last six where that is not on the disk yet (fs/ext4/ialloc.c,
   * recently_deleted). Whoever comes first after a removal searches through all of them for each file: six times the time.
   */
  async #inTurn(
    what: string,
    { ours, peer }: Measured,
    work: (importer: Importer, figures: Figures) => Promise<void>,
  ): Promise<void> {
    const round = await mkdtemp(join(this.#directory, 'round-'));
    const [varve, others] = [join(round, 'varve'), join(round, 'peer')];
    for (const directory of [varve, others]) await mkdir(directory);
    const turns: [Importer, Figures][] = [
      [new Varve(varve, this.#worker), ours],
      [new Peer(others), peer],
    ];
    for (const [importer, figures] of turns) {
      this.#report(`${what}: ${importer.name}`);
      await work(importer, figures);
    }
  }

  async #update(importer: Importer, to: ImageReference): Promise<Update> {
    const before = this.#registry.bytesSent;
    const { seconds } = await importer.import(name(to), this.#signal);
    return { seconds, bytes: this.#registry.bytesSent - before };
  }
}

function name(reference: ImageReference): string {
  return formatImageReference(reference);
}
