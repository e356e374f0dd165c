// Everything below the root that is not an object: health, version, discovery, OpenAPI.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Discovery, Document } from '../discovery.ts';
import type { OpenApi } from '../openapi.ts';
import { methodNotAllowed, notAcceptable } from '../status.ts';
import { parseAccept, wantsAggregatedDiscovery } from './negotiate.ts';

export interface HealthCheck {
  readonly name: string;
  healthy(): boolean;
}

export interface PathAccess {
  readonly discovery: Discovery;
  readonly openApi: OpenApi;
  readonly version: object;
  readonly healthChecks: readonly HealthCheck[];
  formatMetrics(): string;
}

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const yearMilliseconds = 365 * 24 * 3600 * 1000;

/** Throws a StatusError, or answers. */
export async function servePath(
  access: PathAccess,
  request: FastifyRequest,
  reply: FastifyReply,
  rawPath: string,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  const path = rawPath.length > 1 && rawPath.endsWith('/') ? rawPath.slice(0, -1) : rawPath;
  const [, first = ''] = path.split('/');
  switch (first) {
    case '':
      return sendJson(reply, JSON.stringify({ paths: rootPaths(access) }));
    case 'healthz':
    case 'livez':
    case 'readyz':
      return sendHealth(access, request, reply, path, first);
    case 'version':
      return path === '/version' ? sendJson(reply, JSON.stringify(access.version, null, 2)) : sendNotFound(reply);
    case 'metrics':
      return path === '/metrics' ? sendMetrics(access, reply) : sendNotFound(reply);
    case 'openapi':
      return sendOpenApi(access.openApi, request, reply, path);
    default:
      return sendDiscovery(access.discovery, request, reply, path);
  }
}

function rootPaths({ discovery, openApi }: PathAccess): string[] {
  const documents = [...openApi.v3().documents.keys()].map((path) => `/openapi/v3/${path}`);
  return [
    ...discovery.legacy.keys(),
    '/healthz',
    '/livez',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    ...documents,
    '/readyz',
    '/version',
  ].sort();
}

async function sendHealth(
  access: PathAccess,
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
  kind: string,
) {
  const [, , only] = path.split('/');
  const checks = [{ name: 'ping', healthy: () => true }, ...access.healthChecks].filter(
    ({ name }) => only === undefined || name === only,
  );
  if (checks.length === 0) return sendNotFound(reply);
  const results = checks.map(({ name, healthy }) => ({ name, ok: healthy() }));
  const healthy = results.every(({ ok }) => ok);
  const verbose = new URLSearchParams(request.url.split('?')[1] ?? '').has('verbose');
  const lines = results.map(({ name, ok }) => `[${ok ? '+' : '-'}]${name} ${ok ? 'ok' : 'failed'}`);
  const summary = `${kind} check ${healthy ? 'passed' : 'failed'}`;
  const text = healthy && !verbose ? 'ok' : `${[...lines, summary].join('\n')}\n`;
  await reply
    .code(healthy ? 200 : 500)
    .type('text/plain; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .send(Buffer.from(text));
}

async function sendMetrics(access: PathAccess, reply: FastifyReply): Promise<void> {
  const type = 'text/plain; version=0.0.4; charset=utf-8';
  await reply.header('content-type', type).send(Buffer.from(access.formatMetrics()));
}

async function sendDiscovery(
  discovery: Discovery,
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
): Promise<void> {
  const { accept } = request.headers;
  if (!parseAccept(accept).some(({ type }) => /^(application|\*)\/(json|\*)$/.test(type)))
    throw notAcceptable(['application/json']);
  const aggregated = wantsAggregatedDiscovery(accept) ? discovery.aggregated.get(path) : undefined;
  const found = aggregated ?? discovery.legacy.get(path);
  if (found === undefined) return sendNotFound(reply);
  reply.header('vary', 'Accept');
  if (aggregated !== undefined) reply.header('cache-control', 'public');
  await sendTagged(request, reply, found, aggregated === undefined ? 'application/json' : aggregatedType);
}

async function sendOpenApi(
  openApi: OpenApi,
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
): Promise<void> {
  if (path === '/openapi/v2') return sendOpenApiV2(openApi, request, reply);
  if (path === '/openapi/v3') return sendTagged(request, reply, openApi.v3().index, 'application/json');
  const name = path.slice('/openapi/v3/'.length);
  const found = path.startsWith('/openapi/v3/') ? openApi.v3().documents.get(name) : undefined;
  if (found === undefined) {
    await reply.code(404).send('');
    return;
  }
  const hash = new URLSearchParams(request.url.split('?')[1] ?? '').get('hash');
  if (hash !== null && hash !== found.hash) {
    await reply.code(301).header('location', `/openapi/v3/${name}?hash=${found.hash}`).send('');
    return;
  }
  if (hash !== null) {
    reply.header('cache-control', 'public, immutable');
    reply.header('expires', new Date(Date.now() + yearMilliseconds).toUTCString());
  }
  reply.header('vary', 'Accept');
  await sendTagged(request, reply, found, 'application/json');
}

const protobufV2 = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

/** kubectl asks for protobuf, by a name that is not quite the one that it is answered with (kube-openapi pkg/handler). */
async function sendOpenApiV2(openApi: OpenApi, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.header('vary', 'Accept');
  for (const { type } of parseAccept(request.headers.accept)) {
    if (type === protobufV2 || type === protobufV2.replace('@', '.')) {
      return sendTagged(request, reply, openApi.v2().protobuf, protobufV2.replace('@', '.'));
    }
    if (/^(application|\*)\/(json|\*)$/.test(type)) {
      return sendTagged(request, reply, openApi.v2().json, 'application/json');
    }
  }
  await reply.code(406).send('');
}

/** Bodies are sent as bytes, because Fastify rewrites the content type of text, and clients compare it. */
async function sendTagged(
  request: FastifyRequest,
  reply: FastifyReply,
  { text, etag }: Document,
  type: string,
): Promise<void> {
  reply.header('etag', etag);
  if (request.headers['if-none-match'] === etag) await reply.code(304).send();
  else await reply.code(200).header('content-type', type).send(Buffer.from(text));
}

async function sendJson(reply: FastifyReply, text: string): Promise<void> {
  await reply.header('content-type', 'application/json').send(Buffer.from(text));
}

/** Upstream's answer to paths that nobody serves. */
export async function sendNotFound(reply: FastifyReply): Promise<void> {
  await reply
    .code(404)
    .type('text/plain; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .send(Buffer.from('404 page not found\n'));
}
