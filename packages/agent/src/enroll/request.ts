// A certificate by way of the API: a CertificateSigningRequest is created, somebody approves it, the signer answers.
import { createHash, createPublicKey } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CertificateSigningRequest, certificateSigningRequestResource, kubeletClientSigner } from '@varve/api';
import { createCertificateRequest, isKubeError, type KubeClient } from '@varve/kube';
import { AgentError } from '../error.ts';

export interface CertificateOptions {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly key: string;
  /** Who asks, without a secret: a request can only be read by who made it. */
  readonly requester: string;
  readonly signal: AbortSignal;
  /** Milliseconds to wait for an answer. */
  readonly timeout: number;
  readonly onProgress: (message: string) => void;
}

const pollMilliseconds = 500;
const hintAfterMilliseconds = 5_000;

/** The signed certificate (PEM). Asking again with the same key finds the same request. JOIN_DENIED, JOIN_PENDING. */
export async function requestCertificate(options: CertificateOptions): Promise<string> {
  const name = requestName(options.nodeName, options.key, options.requester);
  await createRequest(name, options);
  options.onProgress(`sent certificate request ${name}`);
  const begin = performance.now();
  let hinted = false;
  while (performance.now() - begin < options.timeout) {
    const answer = answerOf(await readRequest(name, options));
    if (answer.kind === 'issued') return answer.certificate;
    if (answer.kind === 'denied') throw denied(name, options.nodeName, answer.message);
    if (!hinted && performance.now() - begin > hintAfterMilliseconds) {
      hinted = true;
      options.onProgress(`request ${name} waits for an administrator: kubectl certificate approve ${name}`);
    }
    await sleep(pollMilliseconds, undefined, { signal: options.signal });
  }
  throw new AgentError(
    'JOIN_PENDING',
    `certificate request ${name} was not answered. If a node ${options.nodeName} is there already, an administrator decides: \`kubectl certificate approve ${name}\`, or \`kubectl delete node ${options.nodeName}\` for a host that is gone. Then join again`,
  );
}

/** By node, key and requester: a host that is killed and asks again gets the same name. */
export function requestName(nodeName: string, key: string, requester: string): string {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return `node-${nodeName.slice(0, 200)}-${createHash('sha256').update(spki).update(requester).digest('hex').slice(0, 16)}`;
}

type Answer =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'issued'; readonly certificate: string }
  | { readonly kind: 'denied'; readonly message: string };

export function answerOf(request: CertificateSigningRequest | undefined): Answer {
  const refusal = request?.status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
  if (refusal) return { kind: 'denied', message: refusal.message || refusal.reason || refusal.type };
  const certificate = request?.status?.certificate;
  if (certificate) return { kind: 'issued', certificate: Buffer.from(certificate, 'base64').toString('utf8') };
  return { kind: 'waiting' };
}

async function createRequest(name: string, { client, nodeName, key, signal }: CertificateOptions): Promise<void> {
  const pem = createCertificateRequest({
    commonName: `system:node:${nodeName}`,
    organizations: ['system:nodes'],
    key,
  });
  const object: CertificateSigningRequest = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: kubeletClientSigner,
      usages: ['digital signature', 'client auth'],
    },
  };
  try {
    await client.create(certificateSigningRequestResource, object, { signal });
  } catch (error) {
    if (!isKubeError(error, 'ALREADY_EXISTS')) throw error;
  }
}

/** Undefined while the server cannot be asked: once the request is sent, an outage is only a longer wait. */
async function readRequest(name: string, options: CertificateOptions): Promise<CertificateSigningRequest | undefined> {
  try {
    return await options.client.get(certificateSigningRequestResource, name, { signal: options.signal });
  } catch (error) {
    // Servers drop requests that nobody answered for a while (kube-controller-manager: after 24 hours).
    if (isKubeError(error, 'NOT_FOUND')) await createRequest(name, options);
    else if (!isKubeError(error, 'UNREACHABLE', 'TIMEOUT', 'UNAVAILABLE', 'SERVER_ERROR', 'TOO_MANY_REQUESTS'))
      throw error;
    return undefined;
  }
}

function denied(name: string, nodeName: string, message: string): AgentError {
  return new AgentError(
    'JOIN_DENIED',
    `certificate request ${name} for node ${nodeName} was denied: ${message}; ask an administrator`,
  );
}
