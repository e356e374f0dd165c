// varve node token: a join token, kept as a bootstrap token Secret, and the command that a host joins with.
// Secret format: Kubernetes documentation, "Authenticating with Bootstrap Tokens".
import { randomInt } from 'node:crypto';
import { type Secret, secretResource } from '@varve/api';
import { joiningGroup } from '@varve/deploy';
import { type Connection, certificatePin, fetchCertificateAuthority, isKubeError, type KubeClient } from '@varve/kube';

/** Labels that a node gets when it joins with the token; read by the enroll controller. */
const nodeLabelsAnnotation = 'varve.dev/node-labels';

export interface JoinToken {
  readonly server: string;
  /** `abcdef.0123456789abcdef` */
  readonly token: string;
  /** Pin of the server's certificate authority. */
  readonly caHash: string | null;
  /** PEM of that authority, where the server does not present it and a pin alone is of no use. */
  readonly ca: string | null;
  readonly expires: string;
  readonly command: string;
}

function randomText(length: number): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/** Makes the Secret. `lifetime` in milliseconds; `labels` for the nodes that will join with it. */
export async function createJoinToken(
  client: Pick<KubeClient, 'create'>,
  connection: Connection,
  options: { lifetime: number; labels: Readonly<Record<string, string>>; signal: AbortSignal },
): Promise<JoinToken> {
  const id = randomText(6);
  const secret = randomText(16);
  const expires = new Date(Date.now() + options.lifetime).toISOString().replace(/\.\d+Z$/, 'Z');
  const labels = Object.entries(options.labels).map(([name, value]) => `${name}=${value}`);
  const object: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: `bootstrap-token-${id}`,
      namespace: 'kube-system',
      annotations: { [nodeLabelsAnnotation]: labels.join(',') },
    },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': id,
      'token-secret': secret,
      expiration: expires,
      'usage-bootstrap-authentication': 'true',
      // By which a cluster knows hosts of ours from kubelets.
      'auth-extra-groups': joiningGroup,
    },
  };
  await client.create(secretResource, object, { namespace: 'kube-system', signal: options.signal });
  const token = `${id}.${secret}`;
  const caHash = connection.ca === undefined ? null : certificatePin(connection.ca);
  const { server } = connection;
  const isPresented = caHash === null || (await presentsAuthority(connection, caHash, options.signal));
  const ca = isPresented ? null : (connection.ca ?? null);
  const pin = caHash === null ? '' : ` --ca-hash ${caHash}`;
  const trust = ca === null ? pin : ' --ca-file ca.crt';
  return { server, token, caHash, ca, expires, command: `varve node join --server ${server} --token ${token}${trust}` };
}

/** Ours does; kube-apiserver presents its own certificate alone. */
async function presentsAuthority({ server, proxy }: Connection, pin: string, signal: AbortSignal): Promise<boolean> {
  try {
    await fetchCertificateAuthority({ server, pin, proxy, signal });
    return true;
  } catch (error) {
    if (isKubeError(error, 'PIN_MISMATCH')) return false;
    throw error;
  }
}
