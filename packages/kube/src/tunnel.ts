// A connection through an HTTP proxy (RFC 9110, 9.3.6, CONNECT), for those who need the bare connection and not a request.
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { KubeError } from './error.ts';

/** UNREACHABLE when the proxy refuses; else rejects with what the system says. */
export async function openTunnel(
  proxy: string,
  target: { readonly hostname: string; readonly port: number },
  signal: AbortSignal,
): Promise<Duplex> {
  const url = new URL(proxy);
  const path = `${target.hostname.includes(':') ? `[${target.hostname}]` : target.hostname}:${target.port}`;
  const options: RequestOptions = {
    method: 'CONNECT',
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port || (url.protocol === 'https:' ? 443 : 80),
    path,
    headers: { host: path, ...authorization(url) },
    agent: false,
    signal,
  };
  const request = url.protocol === 'https:' ? httpsRequest(options) : httpRequest(options);
  const { promise, resolve, reject } = Promise.withResolvers<{ response: IncomingMessage; socket: Duplex }>();
  request.on('connect', (response: IncomingMessage, socket: Duplex) => resolve({ response, socket }));
  request.on('error', reject);
  request.end();
  const { response, socket } = await promise;
  if (response.statusCode === 200) return socket;
  socket.destroy();
  // Without the URL: it may hold a password.
  const answer = `${response.statusCode} ${response.statusMessage}`;
  throw new KubeError(
    'UNREACHABLE',
    `The proxy at ${url.host} makes no tunnel to ${path} (${answer}); check its rules.`,
  );
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}
