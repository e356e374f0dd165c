// The programs of a real cluster, built once by the ordinary Go client from the modules in programs/, each of which pins
// its versions, and kept in the cache. Without Go there is no real cluster, and what needs one is skipped.
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { imageCache } from '../os-images.ts';

const modules = join(import.meta.dirname, 'programs');

interface Program {
  /** Folder of programs/ with its go.mod. */
  readonly module: string;
  readonly package: string;
}

const programs = {
  etcd: { module: 'etcd', package: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': { module: 'kubernetes', package: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  'kube-controller-manager': { module: 'kubernetes', package: 'k8s.io/kubernetes/cmd/kube-controller-manager' },
  'kubectl-newest': { module: 'kubectl-newest', package: 'k8s.io/kubernetes/cmd/kubectl' },
  session: { module: 'kubernetes', package: './session' },
  kwok: { module: 'kwok', package: 'sigs.k8s.io/kwok/cmd/kwok' },
} satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;

/** A cold build of everything takes a quarter of an hour on two idle cores. */
const buildMilliseconds = 5_400_000;

/** Such as `go1.26.8`. */
async function goVersion(): Promise<string> {
  return (await spawn('go', ['env', 'GOVERSION'], { stdin: 'ignore', timeout: 20_000 })).stdout.trim();
}

export interface BuildOptions {
  readonly signal?: AbortSignal;
  /** Told what is built when it is not in the cache. */
  readonly onBuild?: (name: ProgramName) => void;
}

/**
 * The path of a program, built when the cache has none of these sources. A failed build carries the compiler's output.
 * `go` must be installed; the scripts that lead here skip where it is not.
 */
export async function buildProgram(name: ProgramName, options: BuildOptions = {}): Promise<string> {
  const { directory, source, flags, target } = await planOf(name, programs[name]);
  if (await exists(target)) return target;
  options.onBuild?.(name);
  await mkdir(join(target, '..'), { recursive: true });
  const partial = `${target}.${process.pid}`;
  const args = ['build', '-p', '2', '-trimpath', `-ldflags=${flags}`, '-o', partial, source];
  const deadline = AbortSignal.timeout(buildMilliseconds);
  await spawn('go', args, {
    cwd: directory,
    stdin: 'ignore',
    env: { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -buildvcs=false' },
    signal: options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]),
  });
  await rename(partial, target);
  return target;
}

/** Those that a test of everything would have to build first. */
export async function unbuiltPrograms(): Promise<string[]> {
  const unbuilt: string[] = [];
  for (const [name, program] of Object.entries(programs)) {
    if (!(await exists((await planOf(name, program)).target))) unbuilt.push(name);
  }
  return unbuilt;
}

async function planOf(name: string, { module, package: source }: Program) {
  const directory = join(modules, module);
  const flags = await linkerFlags(directory);
  const target = join(imageCache, 'kube', await cacheKey(directory, source, flags), name);
  return { directory, source, flags, target };
}

/** Everything that a build reads: versions, their checksums, our own source, flags, and the compiler. */
async function cacheKey(directory: string, source: string, flags: string): Promise<string> {
  const hash = createHash('sha256');
  hash.update(`${await goVersion()} ${flags}\n`);
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(directory, file)));
  if (source.startsWith('./')) hash.update(await readFile(join(directory, source, 'main.go')));
  return hash.digest('hex').slice(0, 16);
}

/** Upstream's release builds set the version by the linker (hack/lib/version.sh); without it /version has placeholders. */
async function linkerFlags(directory: string): Promise<string> {
  const [, version, major, minor] =
    /^(?:require|\t) *k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)$/m.exec(
      await readFile(join(directory, 'go.mod'), 'utf8'),
    ) ?? [];
  if (version === undefined) return '-s -w';
  const variable = 'k8s.io/component-base/version';
  return `-s -w -X ${variable}.gitVersion=${version} -X ${variable}.gitMajor=${major} -X ${variable}.gitMinor=${minor}`;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
