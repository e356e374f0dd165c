import { OciError } from '@varve/oci';
import type { FastifyError, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Authorize, Call, RegistryAction } from './call.ts';
import { hasSystemCode, RegistryError } from './error.ts';
import { deleteBlob, getBlob, headBlob } from './handlers/blob.ts';
import { listReferrers, listRepositories, listTags } from './handlers/list.ts';
import { deleteManifest, getManifest, putManifest } from './handlers/manifest.ts';
import { appendToUpload, cancelUpload, finishUpload, getUpload, startUpload } from './handlers/upload.ts';
import { parseRoute, type Route } from './route.ts';
import type { RegistryStorage } from './storage/storage.ts';

export interface RegistryPluginOptions {
  storage: RegistryStorage;
  authorize: Authorize;
  /** Milliseconds without a byte after which a client counts as gone; 60 000. */
  idleTimeout?: number;
}

/** Serves `/v2/` as https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md describes it. */
export const registryPlugin: FastifyPluginAsync<RegistryPluginOptions> = async (server, options) => {
  const { storage, authorize, idleTimeout = 60_000 } = options;
  // Bodies stay streams, whatever their type.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  server.setErrorHandler(sendError);
  server.route<{ Params: { '*': string } }>({
    method: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/v2/*',
    handler: async (request, reply) => {
      reply.headers({ 'docker-distribution-api-version': 'registry/2.0', 'x-content-type-options': 'nosniff' });
      const route = parseRoute(request.params['*']);
      const action = route === undefined ? undefined : actionFor(route, request.method);
      if (route === undefined || action === undefined) throw unsupported(request);
      await authorize(request, action, 'repository' in route ? route.repository : undefined);
      const query = new URL(request.url, 'http://registry').searchParams;
      await handle({ storage, authorize, idleTimeout, request, reply, query }, route);
      return reply;
    },
  });
};

/** What a method does to a route's object; undefined where it cannot be used on it. */
function actionFor(route: Route, method: string): RegistryAction | undefined {
  const actions: Record<Route['kind'], Record<string, RegistryAction>> = {
    base: { GET: 'pull', HEAD: 'pull' },
    catalog: { GET: 'pull' },
    tags: { GET: 'pull' },
    referrers: { GET: 'pull' },
    manifest: { GET: 'pull', HEAD: 'pull', PUT: 'push', DELETE: 'delete' },
    blob: { GET: 'pull', HEAD: 'pull', DELETE: 'delete' },
    uploads: { POST: 'push' },
    upload: { GET: 'push', PATCH: 'push', PUT: 'push', DELETE: 'push' },
  };
  return actions[route.kind][method];
}

async function handle(call: Call, route: Route): Promise<void> {
  const method = call.request.method;
  switch (route.kind) {
    case 'base':
      call.reply.header('content-type', 'application/json').send(Buffer.from('{}'));
      return;
    case 'catalog':
      return listRepositories(call);
    case 'tags':
      return listTags(call, route.repository);
    case 'referrers':
      return listReferrers(call, route.repository, route.digest);
    case 'manifest':
      if (method === 'PUT') return putManifest(call, route.repository, route.reference);
      if (method === 'DELETE') return deleteManifest(call, route.repository, route.reference);
      return getManifest(call, route.repository, route.reference);
    case 'blob':
      if (method === 'DELETE') return deleteBlob(call, route.repository, route.digest);
      if (method === 'HEAD') return headBlob(call, route.repository, route.digest);
      return getBlob(call, route.repository, route.digest);
    case 'uploads':
      return startUpload(call, route.repository);
    case 'upload':
      if (method === 'PATCH') return appendToUpload(call, route.repository, route.id);
      if (method === 'PUT') return finishUpload(call, route.repository, route.id);
      if (method === 'DELETE') return cancelUpload(call, route.repository, route.id);
      return getUpload(call, route.repository, route.id);
  }
}

/** Answers as https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes has it. */
function sendError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const told = toRegistryError(error);
  if (told.status >= 500) request.log.error({ err: error }, 'registry request failed');
  reply.code(told.status).headers(told.headers);
  if (told.code === 'UNAUTHORIZED') reply.header('www-authenticate', 'Basic realm="varve", charset="UTF-8"');
  reply.header('content-type', 'application/json');
  reply.send(Buffer.from(JSON.stringify({ errors: [{ code: told.code, message: told.message }] })));
}

function toRegistryError(error: FastifyError | Error): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error instanceof OciError && error.code === 'IMAGE_MANIFEST_INVALID') {
    return new RegistryError('MANIFEST_INVALID', error.message, { cause: error });
  }
  if (hasSystemCode(error, 'ENOSPC', 'EDQUOT')) {
    return new RegistryError('STORAGE_FULL', "the registry's disk is full; free space and push again", {
      cause: error,
    });
  }
  if ('statusCode' in error && error.statusCode !== undefined && error.statusCode < 500) {
    return new RegistryError('UNSUPPORTED', error.message, { cause: error, status: error.statusCode });
  }
  return new RegistryError('STORAGE_FAILED', "the registry failed; look into the server's log", { cause: error });
}

function unsupported(request: FastifyRequest): RegistryError {
  return new RegistryError(
    'UNSUPPORTED',
    `this registry has no ${request.method} for that address; see the OCI distribution specification`,
  );
}
