/**
 * Codes of every error that this package throws, as clients see them in answers; each has a row in docs/errors.md.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#error-codes, and three of our own at the end.
 */
export const registryErrorCodes = [
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DENIED',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'TOOMANYREQUESTS',
  'UNAUTHORIZED',
  'UNSUPPORTED',
  'RANGE_INVALID',
  'STORAGE_FAILED',
  'STORAGE_FULL',
] as const;

export type RegistryErrorCode = (typeof registryErrorCodes)[number];

const statuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNSUPPORTED: 405,
  RANGE_INVALID: 416,
  STORAGE_FAILED: 500,
  STORAGE_FULL: 507,
} as const satisfies Record<RegistryErrorCode, number>;

export interface RegistryErrorOptions {
  cause?: unknown;
  /** Instead of the code's own HTTP status. */
  status?: number;
  /** Headers of the answer, such as the state of an upload. */
  headers?: Record<string, string>;
}

export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;
  readonly status: number;
  readonly headers: Record<string, string>;

  constructor(code: RegistryErrorCode, message: string, options: RegistryErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.code = code;
    this.status = options.status ?? statuses[code];
    this.headers = options.headers ?? {};
  }
}

/** Whether a system call failed for one of these reasons (`ENOENT`, …). */
export function hasSystemCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}
