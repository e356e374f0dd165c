// Shows the metrics of the agent's socket on a TCP port: for a pod that monitoring can reach, where the host's agent opens
// none. It can read that one socket and nothing else.
import { once } from 'node:events';
import { createServer, request, type ServerResponse } from 'node:http';

export interface ExposeOptions {
  /** The agent's, see serveMetrics. */
  readonly socket: string;
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
}

export interface ExposedMetrics extends AsyncDisposable {
  readonly port: number;
}

/** Milliseconds for the agent's answer. */
const patience = 5_000;

/** `/metrics` as the agent answers, `/readyz` whether it answers, `/livez` whether this process does. */
export async function exposeMetrics({ socket, port, host }: ExposeOptions): Promise<ExposedMetrics> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, ({ method, url }, response) => {
    const path = method === 'GET' ? url : undefined;
    if (path === '/livez') response.writeHead(200).end('ok\n');
    else if (path === '/metrics') ask(socket, response, true);
    else if (path === '/readyz') ask(socket, response, false);
    else response.writeHead(404).end('there are /metrics, /readyz and /livez\n');
  });
  server.maxConnections = 16;
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function ask(socketPath: string, response: ServerResponse, whole: boolean): void {
  const asked = request({ socketPath, path: '/metrics', timeout: patience }, (answer) => {
    const { statusCode = 500, headers } = answer;
    const type = headers['content-type'];
    response.writeHead(statusCode, type === undefined || !whole ? {} : { 'content-type': type });
    // Half an answer must not look like one that is still under way.
    answer.on('close', () => answer.complete || response.destroy());
    if (whole) answer.pipe(response);
    else answer.on('end', () => response.end(statusCode === 200 ? 'ok\n' : 'the agent cannot measure\n')).resume();
  });
  asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
  asked.on('error', (error) => {
    if (response.headersSent) response.destroy();
    else response.writeHead(503).end(`the agent of this host does not answer: ${error.message}\n`);
  });
  response.on('close', () => asked.destroy());
  asked.end();
}
