// Metrics on a socket of the host: whoever may open the file may read them, and no port is open to the network.
import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import packageJson from '../../package.json' with { type: 'json' };
import { formatMetrics, type Measured } from './format.ts';

/** Serves `GET /metrics` at `path`; without one, nothing. */
export async function serveMetrics(
  path: string | undefined,
  measure: () => Promise<Measured>,
): Promise<AsyncDisposable> {
  if (path === undefined) return { async [Symbol.asyncDispose]() {} };
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') response.writeHead(404).end('try /metrics\n');
    else void answer(response, measure);
  });
  server.maxConnections = 16;
  // What a killed agent left; two agents of one host are kept apart by their lock.
  await rm(path, { force: true });
  server.listen(path);
  await once(server, 'listening');
  // Nothing in it is secret: monitoring runs as a user of its own.
  await chmod(path, 0o666);
  server.unref();
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(response: ServerResponse, measure: () => Promise<Measured>): Promise<void> {
  try {
    const { user, system } = process.cpuUsage();
    const text = formatMetrics(await measure(), {
      version: packageJson.version,
      residentMemory: process.memoryUsage.rss(),
      cpu: (user + system) / 1e6,
      start: Math.round(performance.timeOrigin / 1000),
    });
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text);
  } catch {
    // An identity that cannot be read is told elsewhere.
    response.writeHead(500).end('cannot measure\n');
  }
}
