/** Codes of every error that this package throws; each has a row in docs/errors.md. Requests are answered with Status objects instead. */
export const apiServerErrorCodes = ['STORE_LOCKED', 'STORE_UNUSABLE', 'STORE_DAMAGED', 'RESOURCE_DUPLICATE'] as const;
export type ApiServerErrorCode = (typeof apiServerErrorCodes)[number];

export class ApiServerError extends Error {
  override readonly name = 'ApiServerError';
  readonly code: ApiServerErrorCode;

  constructor(code: ApiServerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
