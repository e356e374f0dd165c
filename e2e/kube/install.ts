// What `varve kube manifests` prints, applied to a cluster as its administrator does it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { joiningGroup } from '@varve/deploy';
import { createCertificateRequest, createKey } from '@varve/kube';
import { eventually, run, varve } from '../process.ts';

/** `parts` as `varve kube manifests --part` names them. Ends once the kinds can be used and hosts are held to the policies. */
export async function installManifests(kubeconfig: string, ...parts: string[]): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-manifests-'));
  const kubectl = (...args: string[]) => run('kubectl', '--kubeconfig', kubeconfig, ...args);
  try {
    const path = join(directory, 'manifests.yaml');
    await writeFile(path, await varve(['kube', 'manifests', ...parts.flatMap((part) => ['--part', part])]));
    await kubectl('apply', '--server-side', '-f', path);
    const kinds = ['customresourcedefinition', '--selector=app.kubernetes.io/part-of=varve'];
    await kubectl('wait', '--for=condition=Established', '--timeout=60s', ...kinds);
    if (!parts.includes('policies')) return;
    const forbidden = join(directory, 'forbidden.json');
    await writeFile(forbidden, JSON.stringify(forbiddenRequest()));
    const joining = ['--as=system:bootstrap:probe', `--as-group=${joiningGroup}`];
    await eventually('a joining host is held to the policies', async () => {
      const answer = kubectl('create', '--dry-run=server', '-f', forbidden, ...joining);
      return await answer.then(() => false, isRefusedByPolicy);
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * What a policy alone forbids. The API server hears of policies when it gets to it, in the order in which they were made:
 * once it holds to this one, it does to the one before, of what a host may write.
 */
function forbiddenRequest(): object {
  const request = createCertificateRequest({ commonName: 'probe', organizations: [], key: createKey() });
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'probe' },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
    },
  };
}

function isRefusedByPolicy(error: unknown): boolean {
  if (error instanceof Error && error.message.includes('ValidatingAdmissionPolicy')) return true;
  throw error;
}
