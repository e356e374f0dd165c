import { join } from 'node:path';
import type { Importer, MeasuredImport } from './importer.ts';
import { runMeasured } from './measured-process.ts';

/** Our own importer, each import in a new process. */
export class Varve implements Importer {
  readonly name = 'varve';
  readonly #repository: string;
  readonly #worker: string;

  /** `worker` is the file that `bundleWorker` made. */
  constructor(directory: string, worker: string) {
    this.#worker = worker;
    this.#repository = join(directory, 'repo');
  }

  async import(reference: string, signal: AbortSignal): Promise<MeasuredImport & { mergeSeconds: number }> {
    await runMeasured('ostree', ['init', `--repo=${this.#repository}`, '--mode=bare'], signal);
    const args = [this.#worker, this.#repository, reference];
    const { stdout, peakMemory } = await runMeasured(process.execPath, args, signal);
    const [seconds = 0, mergeSeconds = 0] = stdout.split(' ').map(Number);
    return { seconds, mergeSeconds, peakMemory };
  }

  async merge(reference: string, signal: AbortSignal): Promise<number> {
    await runMeasured('ostree', ['refs', `--repo=${this.#repository}`, '--delete', 'ostree/container/image'], signal);
    await runMeasured('ostree', ['prune', `--repo=${this.#repository}`, '--refs-only'], signal);
    return (await this.import(reference, signal)).mergeSeconds;
  }
}
