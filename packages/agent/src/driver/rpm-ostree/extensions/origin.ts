// Which extensions image the packages of a deployment came from, remembered in its origin file, beside what rpm-ostree
// keeps there. The same packages of another image are other packages. Pure.
import { type Digest, isDigest } from '@varve/oci';

const group = '[varve]';
const key = 'extensions-image';

export function extensionsIn(origin: string | undefined): Digest | undefined {
  const value = new RegExp(`^${key}=(.+)$`, 'm').exec(ownGroup(origin ?? ''))?.[1];
  return value !== undefined && isDigest(value) ? value : undefined;
}

export function withExtensionsIn(origin: string, digest: Digest | undefined): string {
  const rest = `${origin.replace(ownGroup(origin), '').trimEnd()}\n`;
  return digest === undefined ? rest : `${rest}\n${group}\n${key}=${digest}\n`;
}

function ownGroup(origin: string): string {
  return /^\[varve\]\n(?:(?!\[).*(?:\n|$))*/m.exec(origin)?.[0] ?? '';
}
