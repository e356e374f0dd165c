// npm run quickstart: two commands take a three-host fleet onto a custom OS image. docs/quickstart.md describes it.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { findKubectl } from '../kubectl/find.ts';
import { lockDirectory } from './lock.ts';
import { type Paths, parseOptions, pathsIn, type QuickstartOptions, usage } from './options.ts';
import { Quickstart } from './quickstart.ts';
import { removeCache, removeState } from './remove.ts';
import { Steps } from './steps.ts';

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function clean(options: QuickstartOptions): Promise<void> {
  using _lock = lockDirectory(options.directory);
  await removeState(options.directory);
  await removeCache(options.cacheDirectory);
  write(`Removed what quickstarts left in ${options.directory} and ${options.cacheDirectory}.`);
}

/** Puts a kubectl that is new enough first in PATH. Returns what a person types to have the same one. */
async function useKubectl(cacheDirectory: string, signal: AbortSignal): Promise<string[]> {
  const kubectl = await findKubectl(cacheDirectory, signal);
  if (kubectl.instead === '') return [];
  write(`kubectl: ${kubectl.instead}; using ${kubectl.version} of an npm package, in ${kubectl.path}`);
  const directory = dirname(kubectl.path);
  process.env.PATH = `${directory}:${process.env.PATH}`;
  return [`  export PATH=${directory}:$PATH`];
}

async function stayUp(quickstart: Quickstart, setUp: string[], signal: AbortSignal): Promise<void> {
  for (const line of quickstart.lookAround(setUp)) write(line);
  await new Promise<void>((resolve) => {
    // The timer keeps the process alive; the signal ends it.
    const timer = setInterval(() => undefined, 60_000);
    signal.addEventListener('abort', () => {
      clearInterval(timer);
      resolve();
    });
  });
}

async function run(options: QuickstartOptions, signal: AbortSignal): Promise<void> {
  using _lock = lockDirectory(options.directory);
  const paths: Paths = pathsIn(options.directory);
  const started = performance.now();
  const setUp = await useKubectl(options.cacheDirectory, signal);
  await removeState(paths.root);
  for (const path of [paths.root, paths.hosts, paths.logs]) await mkdir(path, { recursive: true, mode: 0o700 });
  const steps = new Steps(7, write);
  const quickstart = new Quickstart({ paths, cacheDirectory: options.cacheDirectory, signal, steps, write });
  let failed = true;
  try {
    await quickstart.run();
    failed = false;
    write(`\nAll of it took ${((performance.now() - started) / 1000).toFixed(0)} s.`);
    if (options.timings !== undefined) await writeFile(options.timings, `${JSON.stringify(steps.seconds, null, 2)}\n`);
    if (process.stdout.isTTY && process.stdin.isTTY) await stayUp(quickstart, setUp, signal);
  } finally {
    await quickstart.stop();
    if (failed && !signal.aborted) {
      write(`\nKept ${paths.root} to look into: the logs are in ${paths.logs}. The next run removes it.`);
    } else if (options.keep) {
      write(`Kept ${paths.root}; npm run quickstart -- --clean removes it. To start the control plane again:`);
      write(`  npm run varve -- up --state ${paths.server} --listen ${quickstart.authority}`);
    } else {
      await removeState(paths.root);
      write(`Removed ${paths.root}; the cache ${options.cacheDirectory} makes the next run fast (--keep, --clean).`);
    }
  }
}

async function main(): Promise<number> {
  let options: QuickstartOptions;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt.abort());
  try {
    await (options.clean ? clean(options) : run(options, interrupt.signal));
    return 0;
  } catch (error) {
    if (interrupt.signal.aborted) return 130;
    process.stderr.write(`\nquickstart failed: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

process.exitCode = await main();
