// The API server as a Fastify plugin. Register it without a prefix beside other plugins (such as a registry's /v2).
import type { ResourceDefinition } from '@varve/api';
import type { FastifyError, FastifyPluginAsync } from 'fastify';
import type { TokenAuthenticator } from './authentication/authenticate.ts';
import { ClientCertificates } from './authentication/client-certificate.ts';
import type { Admission, Authorizer } from './authorization/authorizer.ts';
import { expireEvents } from './background/event-expiry.ts';
import { GarbageCollector } from './background/garbage-collector.ts';
import { ensureNamespaces } from './background/namespaces.ts';
import { OwnerIndex } from './background/owner-index.ts';
import { discoveryOf } from './discovery.ts';
import { bodyLimit } from './http/body.ts';
import { freeMemoryOfConnections } from './http/free-memory.ts';
import { Lanes } from './http/lanes.ts';
import type { HealthCheck } from './http/paths.ts';
import { type ServeAccess, serve } from './http/serve.ts';
import { ServerMetrics } from './metrics/server-metrics.ts';
import type { JsonObject } from './object.ts';
import { openApiOf } from './openapi.ts';
import { Resources } from './resources.ts';
import { badRequest, internalError, StatusError, tooLarge, unsupportedMediaType } from './status.ts';
import type { Store } from './store/store.ts';
import { versionOf } from './version.ts';

export interface ApiServerOptions {
  readonly resources: readonly ResourceDefinition[];
  readonly store: Store;
  readonly authorizer: Authorizer;
  readonly admission?: Admission;
  /** Bearer tokens; client certificates are read from the TLS connection. */
  readonly authenticateToken?: TokenAuthenticator;
  /** Takes one event per write, read of secrets and refused credential; it must not throw. */
  readonly audit?: (event: JsonObject) => void;
  /** Takes errors that are bugs; the client gets 500 with the id. */
  readonly onError?: (error: unknown, auditId: string) => void;
  /** More checks behind /healthz, /livez and /readyz. */
  readonly healthChecks?: readonly HealthCheck[];
  /** Version of the product, such as `0.1.0`. */
  readonly version?: string;
}

const expiryIntervalMilliseconds = 60_000;
const bodyMilliseconds = 60_000;
const shutdownMilliseconds = 10_000;
const shutdownStepMilliseconds = 20;
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const roots = [
  '/',
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/openapi/*',
  '/metrics',
  '/version',
  '/healthz',
  '/livez',
  '/readyz',
  '/healthz/*',
  '/livez/*',
  '/readyz/*',
];

export const apiServerPlugin: FastifyPluginAsync<ApiServerOptions> = async (app, options) => {
  const { store } = options;
  const onError = options.onError ?? (() => {});
  const resources = new Resources(options.resources);
  for (const resource of resources.all) if (resource.definition.storage === 'memory') store.keepInMemory(resource.id);
  const owners = OwnerIndex.load(store, resources);
  const collector = new GarbageCollector(store, resources, owners, (error) => onError(error, ''));
  await ensureNamespaces(store);
  collector.start();

  const version = versionOf(options.version ?? '0.1.0');
  const watches = new Set<() => void>();
  const certificates = new ClientCertificates();
  const lanes = new Lanes(certificates);
  const metrics = new ServerMetrics({ store, resources, lanes, watches });
  const access: ServeAccess = {
    store,
    resources,
    owners,
    admission: options.admission ?? {},
    paths: {
      discovery: discoveryOf(resources),
      openApi: openApiOf(resources, version.gitVersion),
      version,
      healthChecks: [{ name: 'store', healthy: () => store.damage === undefined }, ...(options.healthChecks ?? [])],
      formatMetrics: () => metrics.format(),
    },
    certificates,
    lanes,
    metrics,
    authorizer: options.authorizer,
    authenticateToken: options.authenticateToken,
    audit: options.audit ?? (() => {}),
    onError,
    watches,
  };

  freeMemoryOfConnections(app.server);
  app.addHook('onRequest', async (request, reply) => {
    await lanes.enter(request);
    // Whoever sends a body for ever would keep its place for ever.
    const timer = setTimeout(() => request.raw.complete || request.raw.destroy(), bodyMilliseconds);
    reply.raw.once('close', () => {
      clearTimeout(timer);
      lanes.leave(request);
    });
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) => done(null, body));
  app.setErrorHandler<FastifyError>(async (error, request, reply) => {
    const known = statusErrorOf(error, request.id);
    if (known.code === 500) onError(error, request.id);
    const retryAfter = known.status.details?.retryAfterSeconds;
    if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
    await reply
      .code(known.code)
      .header('content-type', 'application/json')
      .send(Buffer.from(JSON.stringify(known.status)));
  });
  for (const url of roots) {
    app.route({ method: methods, url, handler: (request, reply) => serve(access, request, reply) });
  }
  // Streams never end by themselves: without this, closing the server would wait for every watch.
  app.addHook('preClose', async () => {
    for (const stop of [...watches]) stop();
    // New requests get 503 by now; those that came before get their answers.
    for (let waited = 0; !lanes.isIdle && waited < shutdownMilliseconds; waited += shutdownStepMilliseconds) {
      await new Promise((resolve) => setTimeout(resolve, shutdownStepMilliseconds));
    }
  });
  const expiry = setInterval(() => {
    expireEvents(store, new Date()).catch((error: unknown) => onError(error, ''));
  }, expiryIntervalMilliseconds);
  expiry.unref();
  app.addHook('onClose', () => {
    clearInterval(expiry);
    return collector.stop();
  });
};

/** Errors of the HTTP layer itself: bodies that are too long or cut off, headers that cannot be read. */
export function statusErrorOf(error: FastifyError, id: string): StatusError {
  if (error instanceof StatusError) return error;
  if (error.statusCode === 413) return tooLarge(bodyLimit);
  if (error.statusCode === 415) return unsupportedMediaType(['application/json', 'application/yaml']);
  if (error.statusCode !== undefined && error.statusCode < 500)
    return badRequest(`the request cannot be read: ${error.message}`);
  return internalError(id);
}
