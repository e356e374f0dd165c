// The agent as one executable: its code in one script, put into a copy of the Node that runs this
// (https://nodejs.org/api/single-executable-applications.html). Hosts have no Node and no npm.
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import spawn from 'nano-spawn';
import { bundleAgent } from './bundle.ts';

/**
 * For a process that does nothing most of the time; what it saves is measured by `npm run bench -- agent`. Most other
 * options of V8 cost more than they save: Node's own code cache is for V8 without them, and its modules are compiled anew.
 */
const nodeOptions = [
  '--disable-warning=ExperimentalWarning',
  // The young generation grows with every burst of work and never shrinks; 1 MB is enough for what the agent allocates.
  '--max-semi-space-size=1',
  // One thread beside the main one collects garbage.
  '--v8-pool-size=1',
];

/** Node without its symbols, a fifth of its size. */
async function stripNode(directory: string): Promise<string> {
  const file = join(directory, 'node');
  await spawn('strip', ['--strip-all', '-o', file, process.execPath]);
  return file;
}

/** Writes the executable to `file`, whole or not at all. Takes some seconds; needs `strip` of binutils. */
export async function buildAgent(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const directory = await mkdtemp(join(dirname(file), '.build-agent-'));
  try {
    const output = join(directory, 'varve-agent');
    const config = join(directory, 'sea-config.json');
    const settings = {
      main: await bundleAgent(directory),
      mainFormat: 'module',
      executable: await stripNode(directory),
      output,
      disableExperimentalSEAWarning: true,
      useCodeCache: true,
      execArgv: nodeOptions,
      // NODE_OPTIONS of whoever starts it must not reach a process that runs as root.
      execArgvExtension: 'none',
    };
    await writeFile(config, JSON.stringify(settings));
    await spawn(process.execPath, [...nodeOptions, '--build-sea', config], { stdin: 'ignore' });
    await rename(output, file);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
