// Test fixture: as much of a control plane as a host needs to join and to renew its certificate. It knows no hosts, and
// whoever asks gets a certificate.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { json } from 'node:stream/consumers';
import { configurationKeysEntry, configurationKeysName, createSigningKeys } from '@varve/api';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  issueServerCertificate,
  signCertificateRequest,
} from '@varve/kube';
import * as z from 'zod';

const requestSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({ request: z.string() }),
});
const day = 24 * 60 * 60_000;

export class CertificateServer implements AsyncDisposable {
  readonly authority: CertificateAuthority;
  readonly #server: Server;
  readonly #requests = new Map<string, object>();
  readonly #keys = createSigningKeys();
  /** Milliseconds. */
  validity = 30 * day;

  private constructor(authority: CertificateAuthority, credential: { cert: string; key: string }) {
    this.authority = authority;
    // Whose certificate has expired may not renew it; that is tested against the real control plane.
    const options = { ...credential, requestCert: true, rejectUnauthorized: false };
    this.#server = createServer(options, (request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<CertificateServer> {
    const authority = await createCertificateAuthority({ commonName: 'faults' });
    const { certificate, key } = await issueServerCertificate(authority, { hosts: ['127.0.0.1'] });
    const server = new CertificateServer(authority, { cert: certificate, key });
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    const address = this.#server.address();
    return `https://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  /** Certificates that were asked for. */
  get issued(): number {
    return this.#requests.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body));
    const { pathname, searchParams } = new URL(request.url ?? '', this.url);
    const name = /\/certificatesigningrequests\/([^/]+)$/.exec(pathname)?.[1];
    if (name !== undefined) {
      const found = this.#requests.get(name);
      if (found) send(200, found);
      else send(404, status(404, 'NotFound'));
    } else if (request.method === 'POST' && pathname.endsWith('/certificatesigningrequests')) {
      const asked = requestSchema.parse(await json(request));
      const pem = Buffer.from(asked.spec.request, 'base64').toString();
      const certificate = await signCertificateRequest(this.authority, pem, { validity: this.validity });
      const answer = { ...asked, status: { certificate: Buffer.from(certificate).toString('base64') } };
      if (this.#requests.has(asked.metadata.name)) return void send(409, status(409, 'AlreadyExists'));
      this.#requests.set(asked.metadata.name, answer);
      send(201, answer);
    } else if (request.method === 'GET' && pathname.endsWith(`/configmaps/${configurationKeysName.name}`)) {
      const data = { [configurationKeysEntry]: JSON.stringify(this.#keys.chain) };
      send(200, { kind: 'ConfigMap', apiVersion: 'v1', metadata: configurationKeysName, data });
    } else if (request.method !== 'GET') send(404, status(404, 'NotFound'));
    else if (searchParams.has('watch')) response.writeHead(200).flushHeaders();
    else send(200, { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items: [] });
  }
}

function status(code: number, reason: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: reason };
}
