// An API server that says of itself that it is Kubernetes, and else answers as the embedded one: without the bytes in
// between, the controllers would not start on it.
import { once } from 'node:events';
import { createServer, request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { TestServer } from '@varve/apiserver';
import { type Connection, issueServerCertificate } from '@varve/kube';

export interface Stranger extends AsyncDisposable {
  readonly connection: Connection;
}

export async function startStranger({ url, authority, token }: TestServer): Promise<Stranger> {
  const { certificate: cert, key } = await issueServerCertificate(authority, { hosts: ['127.0.0.1'] });
  const ca = authority.certificate;
  const server = createServer({ cert, key }, (request, response) => {
    if (request.url === '/version') {
      response.end(JSON.stringify({ gitVersion: 'v1.36.1' }));
      return;
    }
    const { method = 'GET', headers } = request;
    const forwarded = httpsRequest(new URL(request.url ?? '/', url), { method, headers, ca }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      // Those of a watch have to arrive before its first event.
      response.flushHeaders();
      pipeline(answer, response).catch(() => response.destroy());
    });
    response.on('close', () => forwarded.destroy());
    pipeline(request, forwarded).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    connection: { server: `https://127.0.0.1:${port}`, ca, token },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
