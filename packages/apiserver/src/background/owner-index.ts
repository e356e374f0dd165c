// Which objects name which owners. Kept in memory, because a deletion must find its dependents at once.
import type { OwnerReference } from '@varve/api';
import type { ApiObject } from '../object.ts';
import type { Resources } from '../resources.ts';
import type { Change, ObjectKey, Stored } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { Transaction } from '../store/transaction.ts';
import { timestamp } from '../time.ts';

export class OwnerIndex {
  readonly #dependents = new Map<string, Map<string, ObjectKey>>();

  /** Reads every object that has an owner, once at the start. */
  static load(store: Store, resources: Resources): OwnerIndex {
    const index = new OwnerIndex();
    for (const resource of resources.all) {
      for (const stored of store.list({ resource: resource.id })) {
        if (!mayHaveOwners(stored)) continue;
        const { name = '', namespace = '' } = stored.object.metadata;
        index.#add({ resource: resource.id, namespace, name }, stored.object);
      }
    }
    return index;
  }

  /** Call for every change of the store, in order. */
  apply({ key, type, current, previous }: Change): void {
    if (previous !== undefined && mayHaveOwners(previous)) this.#remove(key, previous.object);
    if (type === 'put') this.#add(key, current.object);
  }

  dependentsOf(uid: string): ObjectKey[] {
    return [...(this.#dependents.get(uid)?.values() ?? [])];
  }

  all(): ObjectKey[] {
    const keys = new Map<string, ObjectKey>();
    for (const dependents of this.#dependents.values()) for (const [id, key] of dependents) keys.set(id, key);
    return [...keys.values()];
  }

  /** Takes the owner out of its dependents, so that they outlive it. */
  orphanDependents(transaction: Transaction, owner: ApiObject): void {
    const { uid = '' } = owner.metadata;
    for (const key of this.dependentsOf(uid)) {
      const dependent = transaction.get(key)?.object;
      if (dependent === undefined) continue;
      const { ownerReferences = [], ...metadata } = dependent.metadata;
      const kept = ownerReferences.filter((reference) => reference.uid !== uid);
      const references = kept.length === 0 ? {} : { ownerReferences: kept };
      transaction.put(key, { ...dependent, metadata: { ...metadata, ...references } });
    }
  }

  /** Deletes the dependents that have no other owner; those with finalizers are marked. */
  removeDependents(transaction: Transaction, owner: ApiObject, now: Date): void {
    const { uid = '' } = owner.metadata;
    for (const key of this.dependentsOf(uid)) {
      const dependent = transaction.get(key)?.object;
      if (dependent === undefined || ownersOf(dependent).some((reference) => reference.uid !== uid)) continue;
      removeOrMark(transaction, key, dependent, now);
    }
  }

  #add(key: ObjectKey, object: ApiObject): void {
    for (const { uid } of ownersOf(object)) {
      const dependents = this.#dependents.get(uid) ?? new Map<string, ObjectKey>();
      this.#dependents.set(uid, dependents.set(idOf(key), key));
    }
  }

  #remove(key: ObjectKey, object: ApiObject): void {
    for (const { uid } of ownersOf(object)) {
      const dependents = this.#dependents.get(uid);
      dependents?.delete(idOf(key));
      if (dependents?.size === 0) this.#dependents.delete(uid);
    }
  }
}

/** Most objects have none, and need not be parsed. */
function mayHaveOwners({ text }: Stored): boolean {
  return text.includes('"ownerReferences"');
}

export function ownersOf(object: ApiObject): readonly OwnerReference[] {
  return object.metadata.ownerReferences ?? [];
}

/** Deletes in the background's way: at once, or when the finalizers are done. */
export function removeOrMark(transaction: Transaction, key: ObjectKey, object: ApiObject, now: Date): void {
  if ((object.metadata.finalizers ?? []).length === 0) {
    transaction.remove(key);
  } else if (object.metadata.deletionTimestamp === undefined) {
    const metadata = { ...object.metadata, deletionTimestamp: timestamp(now), deletionGracePeriodSeconds: 0 };
    transaction.put(key, { ...object, metadata });
  }
}

function idOf(key: ObjectKey): string {
  return `${key.resource}/${key.namespace}/${key.name}`;
}
