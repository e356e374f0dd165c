/** Codes of every error that this package throws; each has a row in docs/errors.md. */
export const controllerErrorCodes = ['IMAGE_UNSUITABLE', 'RENDERED_CONFIG_CHANGED', 'CONFIG_UNRECONCILABLE'] as const;
export type ControllerErrorCode = (typeof controllerErrorCodes)[number];

export class ControllerError extends Error {
  override readonly name = 'ControllerError';
  readonly code: ControllerErrorCode;

  constructor(code: ControllerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
