// The one error class of this package: callers switch on `code`, never on text.
import type { Status } from './status.ts';

/** Codes of every error that this package throws; each has a row in docs/errors.md. */
export const kubeErrorCodes = [
  'BAD_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'CONFLICT',
  'EXPIRED',
  'INVALID',
  'TOO_LARGE',
  'TOO_MANY_REQUESTS',
  'SERVER_ERROR',
  'UNAVAILABLE',
  'TIMEOUT',
  'UNREACHABLE',
  'UNTRUSTED',
  'MALFORMED_RESPONSE',
  'LEADERSHIP_LOST',
  'SELECTOR_INVALID',
  'KUBECONFIG_INVALID',
  'CERTIFICATE_INVALID',
  'CERTIFICATE_REQUEST_INVALID',
  'PIN_MISMATCH',
] as const;

export type KubeErrorCode = (typeof kubeErrorCodes)[number];

export interface KubeErrorOptions {
  readonly cause?: unknown;
  /** What the API server answered, when it answered with a Status object. */
  readonly status?: Status | undefined;
}

export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly code: KubeErrorCode;
  readonly status: Status | undefined;

  constructor(code: KubeErrorCode, message: string, options: KubeErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.status = options.status;
  }
}

/** True when `error` is a KubeError with one of `codes`. */
export function isKubeError(error: unknown, ...codes: KubeErrorCode[]): error is KubeError {
  return error instanceof KubeError && (codes.length === 0 || codes.includes(error.code));
}
