/** Codes of every error that this package throws; each has a row in docs/errors.md. */
export const ociErrorCodes = [
  'CREDENTIALS_INVALID',
  'CREDENTIAL_HELPER_FAILED',
  'DIGEST_MALFORMED',
  'DIGEST_MISMATCH',
  'IMAGE_CONFIG_INVALID',
  'IMAGE_LAYOUT_INVALID',
  'IMAGE_MANIFEST_INVALID',
  'IMAGE_NOT_FOUND',
  'LAYER_INVALID',
  'LAYER_TOO_LARGE',
  'LAYER_UNSUPPORTED',
  'PLATFORM_NOT_FOUND',
  'RANGES_UNSUPPORTED',
  'REFERENCE_INVALID',
  'REGISTRIES_CONF_INVALID',
  'REGISTRY_BLOCKED',
  'REGISTRY_PROTOCOL',
  'REGISTRY_UNAUTHORIZED',
  'REGISTRY_UNREACHABLE',
  'SIGNATURE_POLICY_INVALID',
  'SIGNATURE_REJECTED',
  'SIZE_MISMATCH',
  'TOC_INVALID',
] as const;

export type OciErrorCode = (typeof ociErrorCodes)[number];

export class OciError extends Error {
  override readonly name = 'OciError';
  readonly code: OciErrorCode;

  constructor(code: OciErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
