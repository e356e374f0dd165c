/** Codes of every error that this package throws; each has a row in docs/errors.md. */
export const serverErrorCodes = ['PORT_IN_USE', 'STATE_UNREADABLE'] as const;
export type ServerErrorCode = (typeof serverErrorCodes)[number];

export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: ServerErrorCode;
  constructor(code: ServerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
