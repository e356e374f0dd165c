/** Codes of every error that this package throws; each has a row in docs/errors.md. */
export const apiErrorCodes = [
  'CONFIG_INVALID',
  'CONFIG_TOO_LARGE',
  'CONTENTS_INVALID',
  'KERNEL_TYPE_CONFLICT',
] as const;
export type ApiErrorCode = (typeof apiErrorCodes)[number];

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ApiErrorCode;

  constructor(code: ApiErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
