// How a host that knows nothing but a server's address and a pin comes to trust that server, as kubeadm's
// --discovery-token-ca-cert-hash does: take the authority from the presented chain, and believe it only if its key has
// the pinned hash and it signed itself with that key.
import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { anySignal } from '../abort.ts';
import { KubeError } from '../error.ts';
import { openTunnel } from '../tunnel.ts';
import { pinOf } from './pin.ts';

const maxChainLength = 10;
/** Milliseconds for connecting and shaking hands. */
const handshakeTimeout = 15_000;

/**
 * The authority (PEM) of the server at `server` (`https://host:port`) whose key has `pin` (`sha256:<hex>`). Sends
 * nothing. PIN_MISMATCH when no certificate of the chain fits, UNREACHABLE or TIMEOUT when there is no answer.
 */
export async function fetchCertificateAuthority(options: {
  server: string;
  pin: string;
  /** URL of the proxy that leads there. */
  proxy?: string | undefined;
  signal?: AbortSignal;
}): Promise<string> {
  const { server, proxy, signal } = options;
  const pin = options.pin.toLowerCase();
  if (!/^sha256:[0-9a-f]{64}$/.test(pin)) {
    throw new KubeError('PIN_MISMATCH', `"${options.pin}" is not a pin; it is sha256: and 64 hex digits.`);
  }
  const presented: string[] = [];
  for (const certificate of await fetchChain(server, proxy, signal)) {
    if (!certificate.ca) continue;
    const found = pinOf(certificate.publicKey.export({ type: 'spki', format: 'der' }));
    if (found === pin && isSelfSigned(certificate)) return certificate.toString();
    presented.push(found);
  }
  throw new KubeError(
    'PIN_MISMATCH',
    presented.length === 0
      ? `${server} presents no certificate authority; check that it is the right server.`
      : `${server} presents the authority ${presented.join(', ')} and not ${pin}; check the server, then the pin.`,
  );
}

/** Only the key is pinned; its own signature vouches for the other fields. */
function isSelfSigned(certificate: X509Certificate): boolean {
  try {
    return certificate.verify(certificate.publicKey);
  } catch {
    return false;
  }
}

async function fetchChain(
  server: string,
  proxy: string | undefined,
  signal: AbortSignal | undefined,
): Promise<X509Certificate[]> {
  signal?.throwIfAborted();
  const { hostname, port } = parseServer(server);
  const deadline = AbortSignal.timeout(handshakeTimeout);
  const either = anySignal(signal, deadline);
  let socket: TLSSocket | undefined;
  try {
    const way =
      proxy === undefined ? { host: hostname, port } : { socket: await openTunnel(proxy, { hostname, port }, either) };
    socket = connect({
      ...way,
      // Nothing can be verified before the authority is known; nothing is sent on this connection either.
      rejectUnauthorized: false,
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    });
    await once(socket, 'secureConnect', { signal: either });
    return readChain(socket);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof KubeError) throw cause;
    if (deadline.aborted)
      throw new KubeError('TIMEOUT', `${server} did not answer in ${handshakeTimeout} ms.`, { cause });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KubeError('UNREACHABLE', `No TLS connection to ${server}: ${reason}. Check address and port.`, { cause });
  } finally {
    // A reset that comes after the answer has nobody left to tell.
    socket?.on('error', () => {});
    socket?.destroy();
  }
}

function parseServer(server: string): { hostname: string; port: number } {
  const url = URL.parse(server);
  if (url === null || url.protocol !== 'https:') {
    throw new KubeError('UNREACHABLE', `"${server}" is not a server address such as https://host:6443.`);
  }
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 443 : Number(url.port) };
}

function readChain(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < maxChainLength) {
    chain.push(certificate);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
