/** Codes of every error that this package throws; each has a row in docs/errors.md. */
export const buildErrorCodes = [
  'BUILD_NEEDS_ROOT',
  'BUILD_TOOL_MISSING',
  'APT_SOURCES_UNUSABLE',
  'BASE_BUILD_FAILED',
  'BUILD_FAILED',
  'BUILD_STORAGE_FAILED',
  'CONTAINERFILE_UNREADABLE',
  'IMAGE_PUSH_FAILED',
  'IMAGE_UNREADABLE',
  'IMAGE_WITHOUT_KERNEL',
  'IMAGE_WITH_SEVERAL_KERNELS',
  'IMAGE_WITHOUT_INITRAMFS',
  'IMAGE_WITH_TWO_ETC',
  'IMAGE_WITHOUT_OSTREE_LAYOUT',
] as const;

export type BuildErrorCode = (typeof buildErrorCodes)[number];

export class BuildError extends Error {
  override readonly name = 'BuildError';
  readonly code: BuildErrorCode;

  constructor(code: BuildErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
