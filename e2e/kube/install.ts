// What `varve kube manifests` prints, applied to a cluster as its administrator does it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, varve } from '../process.ts';

/** `parts` as `varve kube manifests --part` names them. Returns kubectl's lines, once the kinds can be used. */
export async function installManifests(kubeconfig: string, ...parts: string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-manifests-'));
  const kubectl = (...args: string[]) => run('kubectl', '--kubeconfig', kubeconfig, ...args);
  try {
    const path = join(directory, 'manifests.yaml');
    await writeFile(path, await varve(['kube', 'manifests', ...parts.flatMap((part) => ['--part', part])]));
    const applied = await kubectl('apply', '--server-side', '-f', path);
    const kinds = ['customresourcedefinition', '--selector=app.kubernetes.io/part-of=varve'];
    await kubectl('wait', '--for=condition=Established', '--timeout=60s', ...kinds);
    return applied;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
