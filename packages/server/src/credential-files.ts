// What people and tools need to talk to this server, written into the state directory at each start.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Credential, formatKubeconfig } from '@varve/kube';
import { registryUser } from './authorize-registry.ts';
import { type StateDirectory, writeFileAtomically } from './state-directory.ts';

export interface CredentialFiles {
  /** `https://host:port` by which this machine reaches the server. */
  readonly url: string;
  /** `host:port` as image references have it. */
  readonly authority: string;
  /** PEM of the certificate authority. */
  readonly ca: string;
  readonly administrator: Credential;
  readonly registryPassword: string;
}

export async function writeCredentialFiles(state: StateDirectory, files: CredentialFiles): Promise<void> {
  const { url, authority, ca, administrator } = files;
  const kubeconfig = formatKubeconfig({ server: url, ca, cert: administrator.certificate, key: administrator.key });
  await writeFileAtomically(state.kubeconfigPath, kubeconfig, 0o600);
  // containers-auth.json(5)
  const auth = Buffer.from(`${registryUser}:${files.registryPassword}`).toString('base64');
  await writeFileAtomically(
    state.registryAuthPath,
    `${JSON.stringify({ auths: { [authority]: { auth } } }, null, 2)}\n`,
    0o600,
  );
  // containers-certs.d(5)
  await mkdir(state.registryCertificatesPath, { recursive: true, mode: 0o700 });
  await writeFileAtomically(join(state.registryCertificatesPath, 'ca.crt'), ca, 0o644);
}
