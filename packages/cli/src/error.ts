/** Codes of every error that this package throws; each has a row in docs/errors.md. */
export const cliErrorCodes = [
  'USAGE',
  'MANIFEST_UNREADABLE',
  'KIND_UNKNOWN',
  'ROLLOUT_TIMEOUT',
  'NODE_SILENT',
  'LAYER_NOT_IMPORTED',
  'HOST_DIFFERS',
  'SELFTEST_FAILED',
  'CLUSTER_LACKS',
] as const;
export type CliErrorCode = (typeof cliErrorCodes)[number];

export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;
  constructor(code: CliErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (128 + SIGINT, as shells count). */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError && error.code === 'USAGE') return 2;
  if (error instanceof Error && error.name === 'AbortError') return 130;
  return 1;
}

/** `CODE: message`, then the causes that add something, one per line. Never a stack trace. */
export function describeError(error: unknown): string {
  const lines: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current !== undefined && current !== null && depth < 4; depth += 1) {
    const message = current instanceof Error ? current.message : String(current);
    const code =
      depth === 0 && current instanceof Error && 'code' in current && typeof current.code === 'string'
        ? `${current.code}: `
        : '';
    const known = lines.some((line) => line.includes(message));
    if (!known && message !== '') lines.push(depth === 0 ? `${code}${message}` : `  because: ${message}`);
    current = current instanceof Error ? current.cause : undefined;
  }
  return lines.join('\n');
}
