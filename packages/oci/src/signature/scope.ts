// Which requirements hold for an image: those of the most specific scope alone, nothing is merged.
// https://github.com/containers/container-libs/blob/main/image/docker/policyconfiguration/naming.go
import type { ImageReference } from '../reference.ts';
import type { PolicyRequirement, SignaturePolicy } from './policy.ts';
import { intendedReference } from './signed-reference.ts';

export interface ScopedRequirements {
  /** The key in the policy; '' is the one for all registries, undefined the policy's default. */
  scope: string | undefined;
  requirements: readonly PolicyRequirement[];
}

export function findRequirements(policy: SignaturePolicy, reference: ImageReference): ScopedRequirements {
  for (const scope of scopesOf(reference)) {
    const requirements = policy.scopes.get(scope);
    if (requirements !== undefined) return { scope, requirements };
  }
  return { scope: undefined, requirements: policy.default };
}

/** Scopes that cover an image, the most specific one first. */
export function scopesOf(reference: ImageReference): string[] {
  const { name, version } = intendedReference(reference);
  const scopes = [`${name}${version}`];
  for (let end = name.length; end > 0; end = name.lastIndexOf('/', end - 1)) scopes.push(name.slice(0, end));
  // Wildcards cover the host whatever its port.
  let host = reference.registry.split(':')[0] ?? '';
  while (host.includes('.')) {
    host = host.slice(host.indexOf('.') + 1);
    scopes.push(`*.${host}`);
  }
  return [...scopes, ''];
}
