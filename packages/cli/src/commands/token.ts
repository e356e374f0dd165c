// varve node token: a join token, kept as a bootstrap token Secret, and the command that a host joins with.
// Secret format: Kubernetes documentation, "Authenticating with Bootstrap Tokens".
import { randomInt } from 'node:crypto';
import { type Secret, secretResource } from '@varve/api';
import { joiningGroup } from '@varve/deploy';
import { type Connection, certificatePin, type KubeClient } from '@varve/kube';

/** Labels that a node gets when it joins with the token; read by the enroll controller. */
const nodeLabelsAnnotation = 'varve.dev/node-labels';

export interface JoinToken {
  readonly server: string;
  /** `abcdef.0123456789abcdef` */
  readonly token: string;
  /** Pin of the server's certificate authority. */
  readonly caHash: string | null;
  readonly expires: string;
  readonly command: string;
}

function randomText(length: number): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/** Makes the Secret. `lifetime` in milliseconds; `labels` for the nodes that will join with it. */
export async function createJoinToken(
  client: KubeClient,
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
  const pin = caHash === null ? '' : ` --ca-hash ${caHash}`;
  return {
    server: connection.server,
    token,
    caHash,
    expires,
    command: `varve node join --server ${connection.server} --token ${token}${pin}`,
  };
}
