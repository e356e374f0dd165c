/** Codes of every error that this package throws; each has a row in docs/errors.md. */
export const agentErrorCodes = [
  'JOIN_FILE_INVALID',
  'JOIN_TOKEN_REJECTED',
  'JOIN_DENIED',
  'JOIN_PENDING',
  'IDENTITY_INVALID',
  'TPM_FAILED',
  'AGENT_RUNNING',
  'STATE_CORRUPT',
  'TARGET_UNSIGNED',
  'TARGET_MISMATCH',
  'TARGET_REPLAYED',
  'KEYS_UNTRUSTED',
  'HELPER_UNREACHABLE',
  'HELPER_REFUSED',
  'CONFIG_UNSUPPORTED',
  'DRAIN_FAILED',
  'SOURCE_UNAVAILABLE',
  'UNIT_FAILED',
  'VERIFY_FAILED',
  'HEALTH_FAILED',
  'BOOT_FELL_BACK',
  'BOOT_FAILED',
  'NO_ROLLBACK',
  'HOST_COMMAND_FAILED',
  'DRIVER_UNSUITABLE',
] as const;
export type AgentErrorCode = (typeof agentErrorCodes)[number];

export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
