import { type CertificateSigningRequest, kubeletClientSigner } from '@varve/api';
import { expect, it } from 'vitest';
import { oldRequests } from './old-requests.ts';

const now = new Date('2026-06-02T12:00:00Z');

function request(minutes: number | undefined, type?: string): CertificateSigningRequest {
  const creationTimestamp =
    minutes === undefined ? undefined : new Date(now.getTime() - minutes * 60_000).toISOString();
  return {
    apiVersion: '',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'r', ...(creationTimestamp && { creationTimestamp }) },
    spec: { request: '', signerName: kubeletClientSigner },
    status: { conditions: type === undefined ? [] : [{ type, status: 'True' }] },
  };
}

it.each<[number | undefined, string | undefined, boolean]>([
  [59, 'Approved', false],
  [61, 'Approved', true],
  [61, 'Denied', true],
  [61, undefined, false],
  [24 * 60 + 1, undefined, true],
  [undefined, 'Approved', false],
])('a request of %s minutes that is %s goes: %s', (minutes, type, goes) => {
  expect(oldRequests([request(minutes, type)], now)).toHaveLength(goes ? 1 : 0);
});
