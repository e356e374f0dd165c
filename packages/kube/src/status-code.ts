// From what an API server answered to the code that callers switch on.
import type { KubeErrorCode } from './error.ts';

/** The code for an answer: the reason decides, the HTTP status where there is none (a proxy, a plain 404). */
export function codeOf(httpStatus: number, reason: string | undefined, method = 'GET'): KubeErrorCode {
  const byReason = reason === undefined ? undefined : codesByReason.get(reason);
  if (byReason !== undefined) return byReason;
  // Without a reason, 409 to a POST means that the name is taken (client-go NewGenericServerResponse).
  if (httpStatus === 409) return method === 'POST' ? 'ALREADY_EXISTS' : 'CONFLICT';
  return codesByHttpStatus.get(httpStatus) ?? (httpStatus >= 500 ? 'SERVER_ERROR' : 'BAD_REQUEST');
}

const codesByReason: ReadonlyMap<string, KubeErrorCode> = new Map([
  ['BadRequest', 'BAD_REQUEST'],
  ['MethodNotAllowed', 'BAD_REQUEST'],
  ['NotAcceptable', 'BAD_REQUEST'],
  ['UnsupportedMediaType', 'BAD_REQUEST'],
  ['Unauthorized', 'UNAUTHORIZED'],
  ['Forbidden', 'FORBIDDEN'],
  ['NotFound', 'NOT_FOUND'],
  ['AlreadyExists', 'ALREADY_EXISTS'],
  ['Conflict', 'CONFLICT'],
  ['Gone', 'EXPIRED'],
  ['Expired', 'EXPIRED'],
  ['Invalid', 'INVALID'],
  ['RequestEntityTooLarge', 'TOO_LARGE'],
  ['TooManyRequests', 'TOO_MANY_REQUESTS'],
  ['InternalError', 'SERVER_ERROR'],
  ['ServiceUnavailable', 'UNAVAILABLE'],
  ['ServerTimeout', 'TIMEOUT'],
  ['Timeout', 'TIMEOUT'],
]);

const codesByHttpStatus: ReadonlyMap<number, KubeErrorCode> = new Map([
  [401, 'UNAUTHORIZED'],
  [403, 'FORBIDDEN'],
  [404, 'NOT_FOUND'],
  [408, 'TIMEOUT'],
  [410, 'EXPIRED'],
  [413, 'TOO_LARGE'],
  [422, 'INVALID'],
  [429, 'TOO_MANY_REQUESTS'],
  [503, 'UNAVAILABLE'],
  [504, 'TIMEOUT'],
]);
