// Certificate requests that have served their time: every host makes one a day. Pure.
// Times: kubernetes pkg/controller/certificates/cleaner/cleaner.go.
import type { CertificateSigningRequest } from '@varve/api';
import { verdictOf } from '../enroll/decide.ts';

const hour = 60 * 60_000;
/** Milliseconds since creation; a host that asks polls for minutes only. */
const maxAge = { Issued: hour, Refused: hour, Approved: hour, Pending: 24 * hour } as const;

export function oldRequests(requests: readonly CertificateSigningRequest[], now: Date): CertificateSigningRequest[] {
  return requests.filter((request) => {
    const created = Date.parse(request.metadata.creationTimestamp ?? '');
    return now.getTime() - created > maxAge[verdictOf(request)];
  });
}
