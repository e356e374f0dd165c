// metav1.Status: how an API server reports failures. The body comes from the network, so every field is checked.
// Shape: kubernetes/apimachinery pkg/apis/meta/v1/types.go.
import type { KubeErrorCode } from './error.ts';

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface Status {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly StatusCause[];
  /** Seconds after which the request may be repeated. */
  readonly retryAfterSeconds?: number;
}

// A hostile or broken server must not fill a log through one error.
const maxMessageLength = 8192;
const maxCauses = 100;

/** The Status in `body`, or undefined when it is something else. */
export function parseStatus(body: unknown): Status | undefined {
  if (!isRecord(body) || body.kind !== 'Status') return undefined;
  const details = isRecord(body.details) ? body.details : {};
  const retryAfterSeconds = details.retryAfterSeconds;
  return {
    code: typeof body.code === 'number' ? body.code : 0,
    reason: text(body.reason),
    message: text(body.message),
    causes: parseCauses(details.causes),
    ...(typeof retryAfterSeconds === 'number' && retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
  };
}

function parseCauses(value: unknown): StatusCause[] {
  if (!Array.isArray(value)) return [];
  const causes: StatusCause[] = [];
  for (const cause of value.slice(0, maxCauses)) {
    if (isRecord(cause)) {
      causes.push({ reason: text(cause.reason), message: text(cause.message), field: text(cause.field) });
    }
  }
  return causes;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, maxMessageLength) : '';
}

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

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
