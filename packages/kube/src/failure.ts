// From a failed request to a KubeError that says what failed, why and what to do.
import { KubeError, type KubeErrorCode } from './error.ts';
import { parseStatus, type Status } from './status.ts';
import { codeOf } from './status-code.ts';

/** What was asked, for messages. Queries are left out: they are long, and the path says enough. */
export interface Attempt {
  readonly method: string;
  readonly path: string;
}

/** The error for an answer outside 2xx with this `body`. */
export function responseError(attempt: Attempt, httpStatus: number, body: string, server: string): KubeError {
  const status = parseStatus(parseJson(body));
  if (httpStatus >= 300 && httpStatus < 400) {
    return new KubeError('MALFORMED_RESPONSE', `${describe(attempt)}: ${server} redirects; give the final address.`);
  }
  const code = codeOf(httpStatus, status?.reason, attempt.method);
  const message = status?.message || `${server} answered with HTTP ${httpStatus}${excerpt(status, body)}`;
  return new KubeError(code, `${describe(attempt)}: ${message}${advice(code, status)}`, { status });
}

/** The error for an ERROR event of a watch, whose object is a Status. */
export function statusError(attempt: Attempt, object: unknown): KubeError {
  const status = parseStatus(object);
  if (status === undefined)
    return new KubeError('MALFORMED_RESPONSE', `${describe(attempt)}: an ERROR event without a Status.`);
  return new KubeError(codeOf(status.code, status.reason), `${describe(attempt)}: ${status.message}`, { status });
}

/** The error for a request that got no answer, or half of one. */
export function connectionError(attempt: Attempt, cause: unknown, server: string): KubeError {
  const code = causeCode(cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (code === 'ETIMEDOUT') {
    return new KubeError('TIMEOUT', `${describe(attempt)}: ${server} fell silent (${reason}); try again.`, { cause });
  }
  if (untrustedCodes.has(code)) {
    return new KubeError(
      'UNTRUSTED',
      `${server} presents a certificate that the configured authority did not issue for it (${reason}); check the address and the CA.`,
      { cause },
    );
  }
  if (/^ERR_SSL_.*ALERT_.*(CERT|UNKNOWN_CA)/.test(code)) {
    return new KubeError('UNAUTHORIZED', `${server} refuses the client certificate (${reason}); get a new one.`, {
      cause,
    });
  }
  return new KubeError('UNREACHABLE', `No answer from ${server} (${reason}); check the address and that it runs.`, {
    cause,
  });
}

/** The system's, OpenSSL's or Node's code of a failure, '' without one. */
export function causeCode(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return causeCode(cause.errors[0]);
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

function describe(attempt: Attempt): string {
  return `${attempt.method} ${attempt.path}`;
}

function advice(code: KubeErrorCode, status: Status | undefined): string {
  switch (code) {
    case 'UNAUTHORIZED':
      return '; the credentials are missing, wrong or expired';
    case 'CONFLICT':
      // metav1.CauseTypeFieldManagerConflict
      if (status?.causes.some(({ reason }) => reason === 'FieldManagerConflict')) {
        return '; leave these fields to their manager, or apply with force to take them over';
      }
      return '; read the object again and repeat the change';
    default:
      return '';
  }
}

function excerpt(status: Status | undefined, body: string): string {
  const text = status === undefined ? body.replace(/\s+/g, ' ').trim().slice(0, 200) : '';
  return text === '' ? '' : `: ${text}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A proxy's page; the HTTP status tells what is known.
    return undefined;
  }
}

// Node's names for OpenSSL's verification results (Node documentation, tls, "X509 certificate error codes").
const untrustedCodes: ReadonlySet<string> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
