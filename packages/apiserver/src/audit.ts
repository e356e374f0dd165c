// The audit log: one event per write, per read of secrets and per refused credential (audit.k8s.io/v1, level Metadata:
// never the content).
import { valueAt } from '@varve/api';
import type { RequestInfo } from './http/request-info.ts';
import { isRecord, type JsonObject } from './object.ts';
import { microTimestamp } from './time.ts';
import type { User } from './user.ts';

export interface AuditedRequest {
  readonly auditId: string;
  readonly info: RequestInfo;
  readonly uri: string;
  readonly user: User | undefined;
  readonly impersonatedUser: User | undefined;
  readonly sourceIp: string;
  readonly userAgent: string;
  readonly received: Date;
  readonly allowed: boolean;
}

export interface AuditedAnswer {
  readonly code: number;
  readonly body: readonly Uint8Array[];
  readonly now: Date;
}

const readVerbs = ['get', 'list', 'watch'];

/** Writes, and reads of secrets. Reviews change nothing but tell who asks what, so they count as writes. */
export function isAudited(info: RequestInfo): boolean {
  if (info.kind === 'path') return false;
  return !readVerbs.includes(info.verb) || (info.group === '' && info.resource === 'secrets');
}

/** One JSON object; the sink writes it as one line. */
export function auditEvent(request: AuditedRequest, answer: AuditedAnswer): JsonObject {
  const { user, impersonatedUser } = request;
  return {
    ...baseEvent(request, answer),
    stage: 'ResponseComplete',
    user: userOf(user),
    ...(impersonatedUser === undefined ? {} : { impersonatedUser: userOf(impersonatedUser) }),
    responseStatus: responseStatus(answer),
    annotations: { 'authorization.k8s.io/decision': request.allowed ? 'allow' : 'forbid' },
  };
}

/**
 * Of a request whose credential was refused, whatever it asked for: nobody, told when the answer begins, with what was
 * tried instead of a reason, and nothing after it (apiserver pkg/endpoints/filters/authn_audit.go).
 */
export function refusedCredentialEvent(request: AuditedRequest, tried: readonly string[], now: Date): JsonObject {
  const answer = { code: 401, body: [], now };
  const what = tried.length === 0 ? 'no credentials provided' : `attempted: ${tried.join(', ')}`;
  const message = `Authentication failed, ${what}`;
  return {
    ...baseEvent(request, answer),
    stage: 'ResponseStarted',
    user: {},
    responseStatus: { metadata: {}, message, code: answer.code },
  };
}

function baseEvent(request: AuditedRequest, answer: AuditedAnswer): JsonObject {
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: request.auditId,
    requestURI: request.uri.slice(0, 4096),
    verb: request.info.verb,
    sourceIPs: [request.sourceIp],
    userAgent: request.userAgent.slice(0, 1024),
    ...objectReference(request.info, answer),
    requestReceivedTimestamp: microTimestamp(request.received),
    stageTimestamp: microTimestamp(answer.now),
  };
}

function userOf(user: User | undefined): JsonObject {
  if (user === undefined) return {};
  return {
    username: user.name,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    groups: user.groups,
    extra: user.extra,
  };
}

function objectReference(info: RequestInfo, answer: AuditedAnswer): JsonObject {
  if (info.kind === 'path') return {};
  const { group, version, resource, subresource, namespace } = info;
  const name = info.name === '' ? createdName(answer) : info.name;
  const parts = { resource, namespace, name, apiGroup: group, apiVersion: version, subresource };
  return { objectRef: Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== '')) };
}

/** The name that the server made, or that stood only in the body. */
function createdName({ code, body }: AuditedAnswer): string {
  if (code !== 201) return '';
  const name = valueAt(parsed(body), 'metadata', 'name');
  return typeof name === 'string' ? name : '';
}

function responseStatus({ code, body }: AuditedAnswer): JsonObject {
  const status = code >= 400 ? parsed(body) : undefined;
  if (!isRecord(status) || status.kind !== 'Status') return { metadata: {}, code };
  return { metadata: {}, status: status.status, message: status.message, reason: status.reason, code };
}

function parsed(body: readonly Uint8Array[]): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.concat(body).toString());
    return value;
  } catch {
    return undefined;
  }
}
