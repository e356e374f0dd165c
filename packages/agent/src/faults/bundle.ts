import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

export interface FaultyAgent {
  /** For `node --import`. */
  readonly preload: string;
  readonly program: string;
}

/** One file each of the injector and of an agent: a thousand of them must start in a short time. */
export async function bundleFaultyAgent(directory: string): Promise<FaultyAgent> {
  return {
    preload: await bundle(import.meta.resolve('./preload.ts'), join(directory, 'preload.mjs')),
    program: await bundle(import.meta.resolve('./child.ts'), join(directory, 'child.mjs')),
  };
}

async function bundle(source: string, file: string): Promise<string> {
  const output = { file, format: 'esm' as const, codeSplitting: false };
  await build({ input: fileURLToPath(source), platform: 'node', output, logLevel: 'warn' });
  return file;
}
