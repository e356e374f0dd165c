/** Codes of every error that this package throws; each has a row in docs/errors.md. */
export const deployErrorCodes = ['OTHER_OPERATOR'] as const;
export type DeployErrorCode = (typeof deployErrorCodes)[number];

export class DeployError extends Error {
  override readonly name = 'DeployError';
  readonly code: DeployErrorCode;

  constructor(code: DeployErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
