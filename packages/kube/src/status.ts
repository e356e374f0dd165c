// metav1.Status: how an API server reports failures. The body comes from the network, so every field is checked.
// Shape: kubernetes/apimachinery pkg/apis/meta/v1/types.go.

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface Status {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly StatusCause[];
  /** Seconds after which the request may be repeated. */
  readonly retryAfterSeconds?: number;
}

// A hostile or broken server must not fill a log through one error.
const maxMessageLength = 8192;
const maxCauses = 100;

/** The Status in `body`, or undefined when it is something else. */
export function parseStatus(body: unknown): Status | undefined {
  if (!isRecord(body) || body.kind !== 'Status') return undefined;
  const details = isRecord(body.details) ? body.details : {};
  const retryAfterSeconds = details.retryAfterSeconds;
  return {
    code: typeof body.code === 'number' ? body.code : 0,
    reason: text(body.reason),
    message: text(body.message),
    causes: parseCauses(details.causes),
    ...(typeof retryAfterSeconds === 'number' && retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
  };
}

function parseCauses(value: unknown): StatusCause[] {
  if (!Array.isArray(value)) return [];
  const causes: StatusCause[] = [];
  for (const cause of value.slice(0, maxCauses)) {
    if (isRecord(cause)) {
      causes.push({ reason: text(cause.reason), message: text(cause.message), field: text(cause.field) });
    }
  }
  return causes;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, maxMessageLength) : '';
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
