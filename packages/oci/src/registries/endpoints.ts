import { OciError } from '../error.ts';
import { formatImageReference, type ImageReference, parseImageReference } from '../reference.ts';
import type { RegistriesConf, RegistryRule } from './registries-conf.ts';

/** Where an image may be had. */
export interface Endpoint {
  reference: ImageReference;
  /** HTTPS without knowing the certificate, or HTTP. */
  insecure: boolean;
  /** Whether there is another one after it. */
  isMirror: boolean;
}

/**
 * Where an image may be had, best first: mirrors, then the registry itself, under the name that it has there.
 * @throws OciError REGISTRY_BLOCKED; REFERENCE_INVALID where rewriting gives no name
 */
export function imageEndpoints(conf: RegistriesConf, reference: ImageReference): Endpoint[] {
  const name = `${reference.registry}/${reference.repository}`;
  const rule = findRule(conf, name);
  if (rule === undefined) return [{ reference, insecure: false, isMirror: false }];
  if (rule.blocked) {
    throw new OciError(
      'REGISTRY_BLOCKED',
      `${formatImageReference(reference)} is blocked by registries.conf (prefix ${rule.prefix}); name an image elsewhere, or unblock it`,
    );
  }
  const kind = reference.digest === undefined ? 'tag-only' : 'digest-only';
  const mirrors = rule.mirrors.filter(({ pulls }) => pulls === 'all' || pulls === kind);
  return [...mirrors, { location: rule.location, insecure: rule.insecure }].map(({ location, insecure }, index) => ({
    reference: relocate(reference, matchedLength(rule.prefix, name), location),
    insecure,
    isMirror: index < mirrors.length,
  }));
}

/**
 * A reference as a person wrote it: short names are looked up, and never searched for in one registry after another.
 * @throws OciError REFERENCE_INVALID
 */
export function parseQualifiedReference(conf: RegistriesConf, text: string): ImageReference {
  const [, name = '', rest = ''] = /^([^:@]*)(.*)$/s.exec(text) ?? [];
  const alias = conf.aliases.get(name);
  if (alias !== undefined) return parseImageReference(`${alias}${rest}`);
  const reference = parseImageReference(text);
  if (text.startsWith('docker.io/') || text.startsWith('index.docker.io/') || reference.registry !== 'docker.io')
    return reference;
  throw new OciError(
    'REFERENCE_INVALID',
    `${JSON.stringify(text.slice(0, 200))} names no registry; write it out (docker.io/${reference.repository}), or name an alias in registries.conf`,
  );
}

/** The rule with the longest prefix. */
function findRule(conf: RegistriesConf, name: string): RegistryRule | undefined {
  let found: RegistryRule | undefined;
  for (const rule of conf.rules) {
    if (matchedLength(rule.prefix, name) === 0) continue;
    if (found === undefined || rule.prefix.length > found.prefix.length) found = rule;
  }
  return found;
}

/** How much of a name a prefix covers; 0 for nothing. */
function matchedLength(prefix: string, name: string): number {
  if (prefix.startsWith('*.')) {
    const host = name.slice(0, name.indexOf('/'));
    return host.endsWith(prefix.slice(1)) ? host.length : 0;
  }
  return name === prefix || name.startsWith(`${prefix}/`) ? prefix.length : 0;
}

function relocate(reference: ImageReference, matched: number, location: string | undefined): ImageReference {
  if (location === undefined) return reference;
  const rest = `${reference.registry}/${reference.repository}`.slice(matched);
  const { registry, repository, ...version } = reference;
  const moved = parseImageReference(`${location}${rest}`);
  return { registry: moved.registry, repository: moved.repository, ...version };
}
