// metav1.Status: the body of every failure, and of a finished delete. Reasons and wordings follow
// apimachinery pkg/api/errors, because clients decide by reason and people search for the wording.
import type { ResourceDefinition } from '@varve/api';

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: { readonly continue?: string };
  readonly status: 'Failure' | 'Success';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** Ends a request with a Status; every layer throws it and one place answers with it. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: Status;
  readonly code: number;

  constructor(code: number, reason: string, message: string, details?: StatusDetails, continueToken?: string) {
    super(message);
    this.code = code;
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: continueToken === undefined ? {} : { continue: continueToken },
      status: 'Failure',
      message,
      ...(reason === '' ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

type Names = Pick<ResourceDefinition, 'group' | 'plural'>;

/** `machineconfigs.machineconfiguration.openshift.io`, or `nodes` for the core group. */
export function qualifiedName(resource: Names): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

function detailsOf(resource: Names, name: string, more: StatusDetails = {}): StatusDetails {
  return { name, ...(resource.group === '' ? {} : { group: resource.group }), kind: resource.plural, ...more };
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}

/** `message` already says who may not do what. */
export function forbidden(message: string, details: StatusDetails = {}): StatusError {
  return new StatusError(403, 'Forbidden', message, details);
}

export function forbiddenFor(resource: Names, name: string, why: string, causes?: readonly StatusCause[]): StatusError {
  const subject = name === '' ? qualifiedName(resource) : `${qualifiedName(resource)} "${name}"`;
  const details = detailsOf(resource, name, causes === undefined ? {} : { causes });
  return new StatusError(403, 'Forbidden', `${subject} is forbidden: ${why}`, details);
}

export function notFound(resource: Names, name: string): StatusError {
  const message = `${qualifiedName(resource)} "${name}" not found`;
  return new StatusError(404, 'NotFound', message, detailsOf(resource, name));
}

export function unknownResource(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): StatusError {
  return new StatusError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}

/** Of a custom kind's subresources, in the words of apiextensions-apiserver. */
export function verbNotSupported(resource: Names, verb: string): StatusError {
  const message = `${verb} is not supported on resources of kind "${qualifiedName(resource)}"`;
  return new StatusError(405, 'MethodNotAllowed', message, { group: resource.group, kind: resource.plural });
}

export function notAcceptable(allowed: readonly string[]): StatusError {
  const message = `only the following media types are accepted: ${allowed.join(', ')}`;
  return new StatusError(406, 'NotAcceptable', message, {});
}

export function alreadyExists(resource: Names, name: string, terminating: boolean): StatusError {
  const message = `${terminating ? 'object is being deleted: ' : ''}${qualifiedName(resource)} "${name}" already exists`;
  return new StatusError(409, 'AlreadyExists', message, detailsOf(resource, name));
}

export function conflict(resource: Names, name: string, why: string): StatusError {
  const message = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`;
  return new StatusError(409, 'Conflict', message, detailsOf(resource, name));
}

export function modified(resource: Names, name: string): StatusError {
  const why = 'the object has been modified; please apply your changes to the latest version and try again';
  return conflict(resource, name, why);
}

export function expired(message: string, continueToken?: string): StatusError {
  return new StatusError(410, 'Expired', message, undefined, continueToken);
}

export function tooLarge(limit: number): StatusError {
  return new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${limit}`);
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const list = accepted.join(', ');
  const message = `the body of the request was in an unknown format - accepted media types include: ${list}`;
  return new StatusError(415, 'UnsupportedMediaType', message);
}

/** 422 with one cause per violation; `kind` is the Kind of the object, or of the options that are wrong. */
export function invalid(kind: string, group: string, name: string, causes: readonly StatusCause[]): StatusError {
  const lines = causes.map((cause) => (cause.field === '' ? cause.message : `${cause.field}: ${cause.message}`));
  const text = lines.length === 1 ? (lines[0] ?? '') : `[${lines.join(', ')}]`;
  const subject = group === '' ? kind : `${kind}.${group}`;
  const details = {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    ...(kind === '' ? {} : { kind }),
    causes,
  };
  return new StatusError(422, 'Invalid', `${subject} ${JSON.stringify(name)} is invalid: ${text}`, details);
}

/** 422 on the query parameters of a request: ListOptions, CreateOptions, … of meta.k8s.io. */
export function invalidOptions(kind: string, ...causes: readonly StatusCause[]): StatusError {
  return invalid(kind, 'meta.k8s.io', '', causes);
}

export function tooManyRequests(): StatusError {
  const message = 'Too many requests, please try again later.';
  return new StatusError(429, 'TooManyRequests', message, { retryAfterSeconds: 1 });
}

export function internalError(auditId: string): StatusError {
  const message = `Internal error occurred: see the server's log for request ${auditId}`;
  return new StatusError(500, 'InternalError', message, { causes: [{ reason: '', message, field: '' }] });
}

export function storageFailed(why: string): StatusError {
  return new StatusError(500, 'InternalError', `Internal error occurred: the change was not stored: ${why}`, {});
}

export function unavailable(message: string): StatusError {
  return new StatusError(503, 'ServiceUnavailable', message, { retryAfterSeconds: 1 });
}

export function timedOut(): StatusError {
  const message = 'Timeout: request did not complete within the allotted timeout';
  return new StatusError(504, 'Timeout', message, { retryAfterSeconds: 1 });
}

export function resourceVersionTooLarge(requested: number, current: number): StatusError {
  const message = `Timeout: Too large resource version: ${requested}, current: ${current}`;
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version', field: '' }];
  return new StatusError(504, 'Timeout', message, { causes, retryAfterSeconds: 1 });
}
