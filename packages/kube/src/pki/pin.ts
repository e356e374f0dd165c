// Pins: a key's hash, short enough to be typed, by which a host recognizes its control plane.
import { createHash } from 'node:crypto';

/**
 * `sha256:` and the hex SHA-256 of `key`, a DER SubjectPublicKeyInfo: the same text as kubeadm's
 * --discovery-token-ca-cert-hash (kubernetes cmd/kubeadm/app/util/pubkeypin).
 */
export function pinOf(key: Uint8Array): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}
