// Times as Kubernetes writes and reads them.
import { badRequest } from './status.ts';

/** RFC 3339 in UTC with whole seconds (metav1.Time). */
export function timestamp(date: Date): string {
  return `${date.toISOString().slice(0, -'.000Z'.length)}Z`;
}

/** RFC 3339 in UTC with microseconds (metav1.MicroTime). */
export function microTimestamp(date: Date): string {
  return `${date.toISOString().slice(0, -1)}000Z`;
}

const unitMilliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a Go duration such as `1m30s`; throws 400 for anything else. */
export function parseDuration(text: string): number {
  if (!/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$|^0$/.test(text))
    throw badRequest(`invalid timeout specified in the request URL - time: invalid duration ${JSON.stringify(text)}`);
  let total = 0;
  for (const [, amount, , unit] of text.matchAll(/(\d+(\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(amount) * (unitMilliseconds[unit ?? ''] ?? 0);
  }
  return total;
}
