// What a URL means: which resource, which object, which verb (apiserver pkg/endpoints/request/requestinfo.go).
import { badRequest } from '../status.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export interface ResourceRequest {
  readonly kind: 'resource';
  readonly verb: Verb;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  /** '' for cluster-scoped requests and for lists over all namespaces. */
  readonly namespace: string;
  readonly name: string;
  readonly method: string;
}

export interface PathRequest {
  readonly kind: 'path';
  readonly verb: string;
  readonly path: string;
  readonly method: string;
}

export type RequestInfo = ResourceRequest | PathRequest;

/** `path` is the part of the URL before `?`. Throws 400 for escapes that are not UTF-8. */
export function requestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const parts = path.split('/').filter((part) => part !== '');
  const nonResource: PathRequest = { kind: 'path', verb: method.toLowerCase(), path, method };
  const isCore = parts[0] === 'api';
  const prefixLength = isCore ? 2 : 3;
  if ((!isCore && parts[0] !== 'apis') || parts.length <= prefixLength) return nonResource;
  const segments = parts.map(decode);
  const rest = segments.slice(prefixLength);
  // Deprecated form of a watch: /api/v1/watch/<rest>.
  const watchPath = rest[0] === 'watch' && rest.length > 1;
  if (watchPath) rest.shift();
  const target = targetOf(rest);
  const group = isCore ? '' : (segments[1] ?? '');
  const version = segments[isCore ? 1 : 2] ?? '';
  const verb = watchPath ? 'watch' : verbOf(method, target.name !== '', query);
  if (verb === undefined || target.extra) return nonResource;
  const { resource, subresource, namespace, name } = target;
  return { kind: 'resource', verb, group, version, resource, subresource, namespace, name, method };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest('the path is not a valid URL');
  }
}

/** /nodes/a/status, /namespaces/x/secrets/a, and /namespaces/x/status, where the namespace is the object itself. */
function targetOf(rest: readonly string[]) {
  const [first = '', second = '', third = ''] = rest;
  const inNamespace = first === 'namespaces' && rest.length > 2 && third !== 'status' && third !== 'finalize';
  const [resource = '', name = '', subresource = ''] = inNamespace ? rest.slice(2) : rest;
  const namespace = inNamespace || (first === 'namespaces' && second !== '') ? second : '';
  return { resource, name, subresource, namespace, extra: rest.length > (inNamespace ? 5 : 3) };
}

function verbOf(method: string, named: boolean, query: URLSearchParams): Verb | undefined {
  switch (method) {
    case 'GET':
      if (named) return 'get';
      return isTrue(query.get('watch')) ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return named ? 'delete' : 'deletecollection';
    default:
      return undefined;
  }
}

/** Go's reading of a boolean query parameter: present without a value is true. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== 'false' && value !== '0';
}
