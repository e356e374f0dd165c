// Joining: a host with nothing but a server's address, a token and a pin becomes a node with a key of its own. Every
// step can be repeated; a join that was killed goes on where it stopped.
import { X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { createKey, fetchCertificateAuthority, isKubeError, KubeClient, proxyFromEnvironment } from '@varve/kube';
import { AgentError } from '../error.ts';
import { followTrust, pinTrust, readTrust } from '../helper/trust.ts';
import { statePaths } from '../state/paths.ts';
import {
  anonymousConnection,
  discardPendingKey,
  pendingKey,
  readIdentity,
  type Server,
  writeCredential,
  writeServer,
} from './identity.ts';
import { fetchKeyChain } from './key-chain.ts';
import { asOwnerOf } from './owner.ts';
import { requestCertificate } from './request.ts';

export interface JoinOptions {
  /** `https://host:port`. */
  readonly server: string;
  /** Bootstrap token, `abcdef.0123456789abcdef`. */
  readonly token: string;
  /** PEM of the server's authority. One of `ca` and `caPin`; with neither, the system's trust store decides. */
  readonly ca?: string;
  /** `sha256:` and the hex SHA-256 of the authority's public key, as kubeadm prints it. */
  readonly caPin?: string;
  /** The host's name unless given. */
  readonly nodeName?: string;
  readonly stateDirectory: string;
  /** Milliseconds to wait for the certificate; 5 minutes unless given. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string) => void;
}

export interface Joined {
  readonly nodeName: string;
  readonly server: string;
  /** False when the host had joined this server under this name before. */
  readonly joinedNow: boolean;
}

const defaultTimeout = 5 * 60_000;
const nodeNamePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/**
 * Joins a host. Throws JOIN_TOKEN_REJECTED, JOIN_DENIED, JOIN_PENDING or IDENTITY_INVALID, and
 * KubeError PIN_MISMATCH, UNREACHABLE and the like.
 */
export async function joinHost(options: JoinOptions): Promise<Joined> {
  const { signal = new AbortController().signal, onProgress = () => {} } = options;
  const nodeName = options.nodeName ?? hostname().toLowerCase();
  if (!nodeNamePattern.test(nodeName) || nodeName.length > 253) {
    throw new AgentError(
      'IDENTITY_INVALID',
      `"${nodeName}" is no node name: lower-case letters, digits, "-" and "." only; give --name`,
    );
  }
  const { agent, identity: directory, trust: trustPath } = statePaths(options.stateDirectory);
  const existing = await asOwnerOf(agent, () => readIdentity(directory));
  if (existing) assertSame(existing, { server: options.server, nodeName }, directory);
  // An expired certificate cannot renew itself: the host joins again, and an administrator confirms its name.
  if (existing && (await readTrust(trustPath)) && new X509Certificate(existing.cert).validToDate > new Date()) {
    return { nodeName, server: existing.server, joinedNow: false };
  }
  const server = await trust(options, nodeName, signal);
  const chain = await askWithToken(options, server, (client) => fetchKeyChain(client, signal));
  const credential = await asOwnerOf(agent, async () => {
    await writeServer(directory, server);
    onProgress(`trusting ${server.server}`);
    const key = await pendingKey(directory, createKey);
    return { cert: await request(options, server, key, signal, onProgress), key };
  });
  // Before the certificate is there the host has not joined: it never has one without keys to check targets with.
  await holdKeys(trustPath, nodeName, chain, existing !== undefined);
  await asOwnerOf(agent, () => writeCredential(directory, credential));
  onProgress(`joined as ${nodeName}`);
  return { nodeName, server: server.server, joinedNow: true };
}

async function trust(options: JoinOptions, nodeName: string, signal: AbortSignal): Promise<Server> {
  const { server, ca, caPin } = options;
  if (ca !== undefined) return { server, nodeName, ca };
  if (caPin === undefined) return { server, nodeName };
  const proxy = proxyFromEnvironment(server, process.env);
  return { server, nodeName, ca: await fetchCertificateAuthority({ server, pin: caPin, proxy, signal }) };
}

async function request(
  options: JoinOptions,
  server: Server,
  key: string,
  signal: AbortSignal,
  onProgress: (message: string) => void,
): Promise<string> {
  const { token, timeout = defaultTimeout } = options;
  const { nodeName } = server;
  const requester = token.split('.')[0] ?? '';
  try {
    const cert = await askWithToken(options, server, (client) =>
      requestCertificate({ client, nodeName, key, requester, signal, timeout, onProgress }),
    );
    assertUsable(cert, nodeName);
    return cert;
  } catch (error) {
    // A refused key is not asked about again: the next join makes another one.
    if (error instanceof AgentError && error.code === 'JOIN_DENIED') {
      await discardPendingKey(statePaths(options.stateDirectory).identity);
    }
    throw error;
  }
}

async function askWithToken<T>(
  { token }: JoinOptions,
  server: Server,
  ask: (client: KubeClient) => Promise<T>,
): Promise<T> {
  await using client = new KubeClient({ ...anonymousConnection(server), token });
  try {
    return await ask(client);
  } catch (error) {
    throw explainToken(error, server.server);
  }
}

/** A host that only needs a new certificate keeps the keys that it holds, and what follows from them. */
async function holdKeys(path: string, nodeName: string, chain: readonly string[], isKnown: boolean): Promise<void> {
  if (isKnown && (await readTrust(path))) await followTrust(path, chain);
  else await pinTrust(path, nodeName, chain);
}

function explainToken(error: unknown, server: string): unknown {
  if (!isKubeError(error, 'UNAUTHORIZED', 'FORBIDDEN')) return error;
  // The server does not say which of the two it is: that would help whoever guesses tokens.
  return new AgentError(
    'JOIN_TOKEN_REJECTED',
    `${server} does not accept the token: it is wrong or has expired (${error.message}); check it, or ask for a new one`,
    { cause: error },
  );
}

function assertUsable(cert: string, nodeName: string): void {
  // One attribute per line; values with a line break of their own come escaped (X509_NAME_print_ex, XN_FLAG_MULTILINE).
  const { subject } = new X509Certificate(cert);
  if (subject.split('\n').includes(`CN=system:node:${nodeName}`)) return;
  throw new AgentError(
    'IDENTITY_INVALID',
    `the server signed a certificate for "${subject.replaceAll('\n', ', ')}" instead of node ${nodeName}; check the server`,
  );
}

function assertSame(existing: Server, wanted: Pick<Server, 'server' | 'nodeName'>, directory: string): void {
  if (existing.server === wanted.server && existing.nodeName === wanted.nodeName) return;
  throw new AgentError(
    'IDENTITY_INVALID',
    `this host has joined ${existing.server} as ${existing.nodeName}; remove ${directory} to let it join ${wanted.server} as ${wanted.nodeName}`,
  );
}
