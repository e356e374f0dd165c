// What the handlers work with.
import type { Admission, Authorizer } from '../authorization/authorizer.ts';
import type { OwnerIndex } from '../background/owner-index.ts';
import type { RequestContext } from '../context.ts';
import type { Resources, ServedResource } from '../resources.ts';
import { methodNotAllowed, notFound, unknownResource, verbNotSupported } from '../status.ts';
import type { ObjectKey } from '../store/change.ts';
import type { Store } from '../store/store.ts';

export interface Access {
  readonly store: Store;
  readonly resources: Resources;
  readonly owners: OwnerIndex;
  readonly admission: Admission;
  readonly authorizer: Authorizer;
}

export function keyOf(resource: ServedResource, namespace: string, name: string): ObjectKey {
  return { resource: resource.id, namespace: resource.namespaced ? namespace : '', name };
}

/** Key of the object that the URL names. Throws 404 for a namespaced kind without a namespace. */
export function requestedKey({ resource, info }: RequestContext): ObjectKey {
  if (resource.namespaced && info.namespace === '') throw unknownResource();
  return keyOf(resource, info.namespace, info.name);
}

/** Throws 404 unless the kind has the subresource. */
export function checkSubresource({ resource, info }: RequestContext): void {
  const { subresource } = info;
  if (subresource === '') return;
  if (subresource === 'status' && resource.definition.statusSubresource) return;
  const own = resource.strategy.subresources?.[subresource];
  if (own?.verbs.includes(info.verb) === true) return;
  if (own !== undefined) throw methodNotAllowed();
  throw unknownResource();
}

/** The error for a verb that no subresource has. */
export function subresourceVerb({ resource: { definition } }: RequestContext, verb: string): Error {
  return definition.custom ? verbNotSupported(definition, verb) : methodNotAllowed();
}

export function missing({ resource, info }: RequestContext): Error {
  return notFound(resource.definition, info.name);
}
