// What server-side apply sends: the fields that one manager cares for, and nothing else (Kubernetes documentation,
// "Server-Side Apply").
import { apiVersionOf, type KubeObject, type ObjectMeta, type ResourceDefinition } from '@varve/api';

/** Any part of `T`; items of lists may be parts as well, as long as they hold the list's keys. */
type Part<T> = T extends readonly (infer Item)[]
  ? Part<Item>[]
  : T extends object
    ? { [K in keyof T]?: Part<T[K]> }
    : T;

/** The wanted fields of an object. What was applied before and is left out now is removed, unless others own it too. */
export type ApplyConfiguration<T extends KubeObject> = Part<Omit<T, keyof KubeObject>> & {
  readonly metadata: ObjectMeta & { readonly name: string };
};

/** The body of the request. */
export function applyBody<T extends KubeObject>(
  definition: ResourceDefinition<T>,
  { metadata, ...fields }: ApplyConfiguration<T>,
): object {
  // The server's own fields would be refused (managedFields), or claimed for this manager without need. uid and
  // resourceVersion stay: they are preconditions.
  const { managedFields, creationTimestamp, generation, deletionTimestamp, deletionGracePeriodSeconds, ...own } =
    metadata;
  return { apiVersion: apiVersionOf(definition), kind: definition.kind, metadata: own, ...fields };
}
