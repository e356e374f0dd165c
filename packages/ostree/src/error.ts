/** Codes of every error that this package throws; each has a row in docs/errors.md. */
export const ostreeErrorCodes = [
  'DEPLOYMENT_IN_USE',
  'DEPLOYMENT_NOT_FOUND',
  'DISK_FULL',
  'IMAGE_NOT_BOOTABLE',
  'IMAGE_UNSUPPORTED',
  'KERNEL_ARGUMENT_INVALID',
  'LAYER_NOT_IMPORTABLE',
  'OSTREE_COMMAND_FAILED',
  'OSTREE_OBJECT_INVALID',
  'REPOSITORY_DAMAGED',
  'REPOSITORY_INVALID',
  'SYSROOT_INVALID',
  'TREE_PATH_UNSAFE',
] as const;

export type OstreeErrorCode = (typeof ostreeErrorCodes)[number];

export class OstreeError extends Error {
  override readonly name = 'OstreeError';
  readonly code: OstreeErrorCode;

  constructor(code: OstreeErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
