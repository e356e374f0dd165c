import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

/** A program whose calls are counted. */
export interface FaultyProgram {
  /** For `node --import`. */
  readonly preload: string;
  readonly program: string;
}

/** The two sides of a host as two processes. */
export interface FaultySides {
  readonly network: FaultyProgram;
  readonly helper: FaultyProgram;
}

/** One file each of the injector and of an agent: a thousand of them must start in a short time. */
export async function bundleFaultyAgent(directory: string): Promise<FaultyProgram> {
  return {
    preload: await bundlePreload(directory),
    program: await bundle(import.meta.resolve('./child.ts'), join(directory, 'child.mjs')),
  };
}

export async function bundleFaultySides(directory: string): Promise<FaultySides> {
  const preload = await bundlePreload(directory);
  return {
    network: {
      preload,
      program: await bundle(import.meta.resolve('./network-child.ts'), join(directory, 'network.mjs')),
    },
    helper: { preload, program: await bundle(import.meta.resolve('./helper-child.ts'), join(directory, 'helper.mjs')) },
  };
}

async function bundlePreload(directory: string): Promise<string> {
  return await bundle(import.meta.resolve('./preload.ts'), join(directory, 'preload.mjs'));
}

async function bundle(source: string, file: string): Promise<string> {
  const output = { file, format: 'esm' as const, codeSplitting: false };
  await build({ input: fileURLToPath(source), platform: 'node', output, logLevel: 'warn' });
  return file;
}
