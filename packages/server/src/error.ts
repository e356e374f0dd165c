/** Codes of every error that this package throws; each has a row in docs/errors.md. */
export const serverErrorCodes = [
  'PORT_IN_USE',
  'STATE_UNREADABLE',
  'STATE_IN_USE',
  'BACKUP_FAILED',
  'BACKUP_INVALID',
] as const;
export type ServerErrorCode = (typeof serverErrorCodes)[number];

export class ServerError extends Error {
  override readonly name = 'ServerError';
  readonly code: ServerErrorCode;
  constructor(code: ServerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** True for an error of the system with the code, such as `ENOENT`. */
export function hasCode(error: unknown, code: string): error is Error {
  return error instanceof Error && 'code' in error && error.code === code;
}
