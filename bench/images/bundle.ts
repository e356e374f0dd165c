import { join } from 'node:path';
import { bundleScript } from '../../scripts/build-agent/bundle.ts';

/**
 * Makes one file of the importer and what it needs, as the installed agent is one: what is measured is neither the compiler that
 * strips types from sources nor the loading of what no importer uses. Returns its path.
 */
export async function bundleWorker(directory: string): Promise<string> {
  return await bundleScript(join(import.meta.dirname, 'import-worker.ts'), join(directory, 'import-worker.mjs'));
}
