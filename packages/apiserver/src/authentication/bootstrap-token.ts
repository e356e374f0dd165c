// Bootstrap tokens `<id>.<secret>`, kept in Secrets of type bootstrap.kubernetes.io/token in kube-system
// (kubernetes.io "Authenticating with Bootstrap Tokens").
import { createHash, timingSafeEqual } from 'node:crypto';
import { textAt } from '@varve/api';
import type { Store } from '../store/store.ts';
import { bootstrappersGroup, type User } from '../user.ts';

const tokenPattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const secretType = 'bootstrap.kubernetes.io/token';
const extraGroupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** The user of a bootstrap token; undefined when it is unknown, wrong, expired or not meant for authentication. */
export function authenticateBootstrapToken(store: Store, token: string, now: Date): User | undefined {
  const [, id, secret] = tokenPattern.exec(token) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  const stored = store.get({ resource: 'secrets', namespace: 'kube-system', name: `bootstrap-token-${id}` })?.object;
  if (stored === undefined || stored.metadata.deletionTimestamp !== undefined) return undefined;
  if (textAt(stored, 'type') !== secretType || dataOf(stored, 'token-id') !== id) return undefined;
  if (!sameText(dataOf(stored, 'token-secret'), secret)) return undefined;
  if (dataOf(stored, 'usage-bootstrap-authentication') !== 'true' || isExpired(dataOf(stored, 'expiration'), now))
    return undefined;
  const extraGroups = dataOf(stored, 'auth-extra-groups')
    .split(',')
    .filter((group) => extraGroupPattern.test(group));
  return { name: `system:bootstrap:${id}`, groups: [bootstrappersGroup, ...extraGroups] };
}

function dataOf(secret: unknown, key: string): string {
  return Buffer.from(textAt(secret, 'data', key), 'base64').toString();
}

/** Without telling by its time how much of the text is right. */
function sameText(expected: string, given: string): boolean {
  if (expected === '') return false;
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(expected), digest(given));
}

/** No expiration means that the token does not expire; one that cannot be read has expired. */
function isExpired(expiration: string, now: Date): boolean {
  if (expiration === '') return false;
  const end = Date.parse(expiration);
  return Number.isNaN(end) || end <= now.getTime();
}
