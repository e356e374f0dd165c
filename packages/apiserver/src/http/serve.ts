// One request from its arrival to its answer: who, what, may they, do it, tell the audit log.
import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AuditedRequest, auditEvent, isAudited, refusedCredentialEvent } from '../audit.ts';
import { authenticate, type TokenAuthenticator, triedCredentials } from '../authentication/authenticate.ts';
import type { ClientCertificates } from '../authentication/client-certificate.ts';
import { impersonate } from '../authentication/impersonation.ts';
import type { Authorizer } from '../authorization/authorizer.ts';
import { checkAllowed } from '../authorization/check-allowed.ts';
import type { Answer, RequestContext } from '../context.ts';
import { ApiServerError } from '../error.ts';
import type { Access } from '../handlers/access.ts';
import { create } from '../handlers/create.ts';
import { remove, removeCollection } from '../handlers/delete.ts';
import { get } from '../handlers/get.ts';
import { list } from '../handlers/list.ts';
import { patch } from '../handlers/patch.ts';
import { answerReview, reviews } from '../handlers/review.ts';
import { update } from '../handlers/update.ts';
import { parseWatch, watch } from '../handlers/watch.ts';
import type { ServerMetrics } from '../metrics/server-metrics.ts';
import { encodeJson, type JsonObject } from '../object.ts';
import { internalError, methodNotAllowed, StatusError, timedOut, unknownResource } from '../status.ts';
import { parseDuration } from '../time.ts';
import type { User } from '../user.ts';
import type { Lanes } from './lanes.ts';
import { negotiate } from './negotiate.ts';
import { type PathAccess, sendNotFound, servePath } from './paths.ts';
import { type RequestInfo, type ResourceRequest, requestInfo } from './request-info.ts';
import { respond } from './respond.ts';

export interface ServeAccess extends Access {
  readonly paths: PathAccess;
  readonly authorizer: Authorizer;
  readonly authenticateToken: TokenAuthenticator | undefined;
  readonly certificates: ClientCertificates;
  readonly lanes: Lanes;
  readonly metrics: ServerMetrics;
  readonly audit: (event: JsonObject) => void;
  readonly onError: (error: unknown, auditId: string) => void;
  /** Ends of the streams that are open. */
  readonly watches: Set<() => void>;
}

const defaultTimeoutMilliseconds = 60_000;
const maxAuditIdLength = 64;

interface Call {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly auditId: string;
  readonly received: Date;
  readonly warnings: string[];
  info: RequestInfo | undefined;
  caller: User | undefined;
  user: User | undefined;
  allowed: boolean;
}

export async function serve(access: ServeAccess, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const [path = '/', search = ''] = request.url.split('?', 2);
  const auditId = auditIdOf(request);
  reply.header('audit-id', auditId).header('cache-control', 'no-cache, private');
  const call: Call = {
    request,
    reply,
    path,
    query: new URLSearchParams(search),
    auditId,
    received: new Date(),
    warnings: [],
    info: undefined,
    caller: undefined,
    user: undefined,
    allowed: false,
  };
  const start = performance.now();
  reply.raw.once('close', () => {
    access.metrics.count(call.info, reply.raw.statusCode, (performance.now() - start) / 1000);
  });
  try {
    await dispatch(access, call);
  } catch (error) {
    const answer = failure(access, error, auditId);
    audit(access, call, answer);
    if (reply.sent) return;
    if (answer.retryAfter !== undefined) reply.header('retry-after', answer.retryAfter);
    await respond(request, reply, answer, { warnings: [], query: call.query });
  }
}

/** A client may bring the id under which it will look for its request in the log. */
function auditIdOf(request: FastifyRequest): string {
  const sent = request.headers['audit-id'];
  return typeof sent === 'string' && sent.length <= maxAuditIdLength && /^[\w.-]+$/.test(sent) ? sent : randomUUID();
}

async function dispatch(access: ServeAccess, call: Call): Promise<void> {
  const { request, reply, path, query } = call;
  const info = requestInfo(request.method, path, query);
  call.info = info;
  call.caller = await authenticate(request, access.certificates, access.authenticateToken);
  call.user = call.caller;
  call.user = await impersonate(call.caller, request.headers, access.authorizer);
  await checkAllowed(access.authorizer, call.user, info, query);
  call.allowed = true;
  if (info.kind === 'path') {
    if (isBelowApi(path)) {
      if (request.method === 'HEAD' || request.method === 'OPTIONS') throw methodNotAllowed();
      await sendNotFound(reply);
      return;
    }
    await servePath(access.paths, request, reply, path);
    return;
  }
  if (isReview(info)) {
    await serveReview(access, call, info, call.user);
    return;
  }
  await serveResource(access, call, info, call.user);
}

/** A URL below a group version that names no resource, or has a method that resources do not have. */
function isBelowApi(path: string): boolean {
  const parts = path.split('/').filter((part) => part !== '');
  return (parts[0] === 'api' && parts.length > 2) || (parts[0] === 'apis' && parts.length > 3);
}

async function serveResource(access: ServeAccess, call: Call, info: ResourceRequest, user: User): Promise<void> {
  const { request, reply, query } = call;
  const resource = access.resources.find(info.group, info.version, info.resource);
  if (resource === undefined) {
    if (info.group === '' && access.resources.hasGroupVersion(info.group, info.version)) throw unknownResource();
    await sendNotFound(reply);
    return;
  }
  if (!resource.verbs.includes(info.verb)) throw methodNotAllowed();
  const deadline = new AbortController();
  const context: RequestContext = {
    resource,
    info,
    query,
    accept: request.headers.accept,
    contentType: request.headers['content-type'],
    userAgent: request.headers['user-agent'] ?? '',
    body: bodyOf(request),
    user,
    now: call.received,
    warnings: call.warnings,
    signal: deadline.signal,
  };
  if (info.verb === 'watch') {
    startWatch(access, call, context);
    return;
  }
  const answer = await withDeadline(handle(access, context), query, deadline);
  audit(access, call, answer);
  await respond(request, reply, answer, { warnings: call.warnings, query });
}

function bodyOf(request: FastifyRequest): Uint8Array {
  return request.body instanceof Uint8Array ? request.body : new Uint8Array();
}

function handle(access: ServeAccess, context: RequestContext): Promise<Answer> {
  switch (context.info.verb) {
    case 'get':
      return get(access, context);
    case 'list':
      return list(access, context);
    case 'create':
      return create(access, context);
    case 'update':
      return update(access, context);
    case 'patch':
      return patch(access, context);
    case 'delete':
      return remove(access, context);
    default:
      return removeCollection(access, context);
  }
}

/** `?timeout=` bounds how long the client waits; what was stored by then stays stored. */
async function withDeadline(work: Promise<Answer>, query: URLSearchParams, deadline: AbortController): Promise<Answer> {
  const text = query.get('timeout') ?? '';
  // The work's own failure must not go unhandled when the timeout cannot be read.
  work.catch(() => {});
  const milliseconds =
    text === '' ? defaultTimeoutMilliseconds : Math.min(parseDuration(text), defaultTimeoutMilliseconds);
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    deadline.abort();
    reject(timedOut());
  }, milliseconds || defaultTimeoutMilliseconds);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function startWatch(access: ServeAccess, call: Call, context: RequestContext): void {
  const { reply, auditId } = call;
  const request = parseWatch(context);
  const close = access.lanes.openWatch(context.user);
  reply.raw.once('close', close);
  audit(access, call, { code: 200, body: [] });
  access.lanes.leave(call.request);
  reply.hijack();
  reply.raw.writeHead(200, {
    'content-type': 'application/json',
    'cache-control': 'no-cache, private',
    'audit-id': auditId,
  });
  const stop = watch(access, context, request, reply.raw);
  access.watches.add(stop);
  reply.raw.on('close', () => access.watches.delete(stop));
}

function isReview(info: ResourceRequest): boolean {
  return reviews.some(
    ({ group, version, plural }) => group === info.group && version === info.version && plural === info.resource,
  );
}

async function serveReview(access: ServeAccess, call: Call, info: ResourceRequest, user: User): Promise<void> {
  const { request, reply, query } = call;
  const review = reviews.find(({ plural }) => plural === info.resource);
  if (review === undefined || info.verb !== 'create' || info.name !== '') throw methodNotAllowed();
  const { format } = negotiate(request.headers.accept, false);
  const { namespace } = info;
  const contentType = request.headers['content-type'];
  const result = await answerReview(access, { review, contentType, body: bodyOf(request), user, namespace });
  const answer: Answer = { code: 201, format, body: [encodeJson(result)] };
  audit(access, call, answer);
  await respond(request, reply, answer, { warnings: [], query });
}

function failure(access: ServeAccess, error: unknown, auditId: string): Answer & { readonly retryAfter?: number } {
  const known = error instanceof StatusError ? error : (damageOf(error) ?? internalError(auditId));
  if (known !== error) access.onError(error, auditId);
  const retryAfter = known.status.details?.retryAfterSeconds;
  const answer: Answer = { code: known.code, format: 'json', body: [encodeJson(known.status)] };
  return retryAfter === undefined ? answer : { ...answer, retryAfter };
}

/** Those who ask for what the disk has lost are told so. */
function damageOf(error: unknown): StatusError | undefined {
  const isDamage = error instanceof ApiServerError && error.code === 'STORE_DAMAGED';
  return isDamage ? new StatusError(500, 'InternalError', `Internal error occurred: ${error.message}`, {}) : undefined;
}

function audit(access: ServeAccess, call: Call, answer: Pick<Answer, 'code' | 'body'>): void {
  const { info, request, caller, user } = call;
  const isRefusedCredential = caller === undefined && answer.code === 401;
  if (info === undefined || (!isRefusedCredential && !isAudited(info))) return;
  const audited: AuditedRequest = {
    auditId: call.auditId,
    info,
    uri: request.url,
    user: caller,
    impersonatedUser: user === caller ? undefined : user,
    sourceIp: request.ip,
    userAgent: request.headers['user-agent'] ?? '',
    received: call.received,
    allowed: call.allowed,
  };
  const now = new Date();
  access.audit(
    isRefusedCredential
      ? refusedCredentialEvent(audited, triedCredentials(request, access.certificates), now)
      : auditEvent(audited, { ...answer, now }),
  );
}
