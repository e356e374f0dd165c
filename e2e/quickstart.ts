// Runs the quickstart as a user does, and keeps what it made.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadKubeconfig } from '@varve/kube';
import spawn from 'nano-spawn';
import { removeTree } from '../scripts/quickstart/remove.ts';
import { imageCache } from './os-images.ts';

const script = fileURLToPath(new URL('../scripts/quickstart/main.ts', import.meta.url));

export interface QuickstartRun extends AsyncDisposable {
  readonly directory: string;
  /** `host:port` that the control plane had. */
  readonly authority: string;
  /** What the quickstart printed. */
  readonly output: string;
}

/** `npm run quickstart -- --keep </dev/null`, in a directory of its own. */
export async function runQuickstart(...flags: string[]): Promise<QuickstartRun> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-e2e-'));
  const state = join(directory, 'state');
  const args = [script, '--keep', '--directory', state, '--cache', imageCache, ...flags];
  const { output } = await spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    stdin: 'ignore',
  });
  const { server } = await loadKubeconfig(join(state, 'server', 'kubeconfig'));
  return {
    directory: state,
    authority: new URL(server).host,
    output,
    [Symbol.asyncDispose]: async () => await removeTree(directory),
  };
}
