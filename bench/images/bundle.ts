import { join } from 'node:path';
import { build } from 'rolldown';

const worker = join(import.meta.dirname, 'import-worker.ts');

/**
 * Makes one file of the importer and what it needs, as an installed agent is one: what is measured is not the compiler that
 * strips types from sources. Returns its path.
 */
export async function bundleWorker(directory: string): Promise<string> {
  const file = join(directory, 'import-worker.mjs');
  await build({
    input: worker,
    platform: 'node',
    output: { file, format: 'esm', codeSplitting: false },
    logLevel: 'warn',
  });
  return file;
}
