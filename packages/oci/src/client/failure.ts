// What a registry's refusals and broken connections mean to a user.
import { OciError } from '../error.ts';

const retryableStatuses = [408, 429, 500, 502, 503, 504];

export function isRetryableStatus(status: number): boolean {
  return retryableStatuses.includes(status);
}

/** Whether another attempt can help: a connection that breaks can come back, a certificate does not get better. */
export function isRetryableFailure(error: unknown): boolean {
  if (error instanceof OciError) return error.code === 'REGISTRY_UNREACHABLE';
  return !isCertificateFailure(error);
}

/** `what` names the content with its registry: `manifest localhost:5000/os@sha256:…`. */
export function unreachable(registry: string, what: string, cause: unknown): OciError {
  if (cause instanceof OciError) return cause;
  if (isCertificateFailure(cause)) {
    return new OciError(
      'REGISTRY_UNREACHABLE',
      `cannot read ${what}: the certificate of ${registry} is not trusted (${causeText(cause)}); give the CA that signed it`,
      { cause },
    );
  }
  return new OciError(
    'REGISTRY_UNREACHABLE',
    `cannot read ${what}: ${registry} is not reachable (${causeText(cause)}); check its address, that it runs, and the network`,
    { cause },
  );
}

/** The error for an answer that is no success. `detail` is the registry's own text. */
export function refused(registry: string, what: string, status: number, detail: string): OciError {
  const told = detail === '' ? `${status}` : `${status}: ${detail}`;
  if (status === 404) {
    return new OciError(
      'IMAGE_NOT_FOUND',
      `${registry} has no ${what} (${told}); check the name and the digest, or push the image`,
    );
  }
  if (status === 401 || status === 403) {
    return new OciError(
      'REGISTRY_UNAUTHORIZED',
      `${registry} refuses ${what} (${told}); check that there are credentials for it, and what they allow`,
    );
  }
  if (isRetryableStatus(status)) {
    return new OciError('REGISTRY_UNREACHABLE', `${registry} cannot give ${what} now (${told}); try again later`);
  }
  return new OciError('REGISTRY_PROTOCOL', `${registry} answers ${told} when asked for ${what}; check the registry`);
}

/** The first message of a registry's error body, made fit for one line. */
export function errorDetail(body: Uint8Array): string {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    const first = field(field(value, 'errors'), '0');
    const text = [field(first, 'code'), field(first, 'message')].filter((part) => typeof part === 'string').join(': ');
    return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200);
  } catch {
    return '';
  }
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function isCertificateFailure(error: unknown): boolean {
  const code = codeOf(error);
  return /^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(code);
}

function causeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? codeOf(error) : error.message;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
