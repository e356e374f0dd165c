// Deletes what nobody owns any more and empties namespaces that are being deleted
// (kubernetes.io "Garbage Collection", background cascading deletion). Driven by changes; it polls nothing.
import type { ApiObject } from '../object.ts';
import type { Resources } from '../resources.ts';
import type { Change, ObjectKey } from '../store/change.ts';
import type { Store } from '../store/store.ts';
import type { Transaction } from '../store/transaction.ts';
import { finalizersOf } from '../strategies/namespace.ts';
import { type OwnerIndex, ownersOf, removeOrMark } from './owner-index.ts';

/** Objects per transaction, so that one huge owner does not hold up every other write. */
const batchSize = 500;

export class GarbageCollector {
  readonly #store: Store;
  readonly #resources: Resources;
  readonly #owners: OwnerIndex;
  readonly #onError: (error: unknown) => void;
  readonly #suspects = new Map<string, ObjectKey>();
  readonly #namespaces = new Set<string>();
  #running: Promise<void> | undefined;
  #stopped = false;
  #stop: () => void = () => {};

  constructor(store: Store, resources: Resources, owners: OwnerIndex, onError: (error: unknown) => void) {
    this.#store = store;
    this.#resources = resources;
    this.#owners = owners;
    this.#onError = onError;
  }

  start(): void {
    this.#stop = this.#store.watchEverything((change) => this.#notice(change));
    for (const key of this.#owners.all()) this.#suspect(key);
    for (const { object } of this.#store.list({ resource: 'namespaces' })) this.#noticeNamespace(object);
    this.#wake();
  }

  /** Stops and waits for the batch under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stop();
    await this.#running;
  }

  #notice(change: Change): void {
    const { key, type, current } = change;
    this.#owners.apply(change);
    if (type === 'put') {
      if (ownersOf(current.object).length > 0) this.#suspect(key);
      if (key.resource === 'namespaces') this.#noticeNamespace(current.object);
    } else {
      for (const dependent of this.#owners.dependentsOf(current.object.metadata.uid ?? '')) this.#suspect(dependent);
      // The last object with a finalizer may have been what a namespace waited for.
      if (key.namespace !== '') this.#noticeNamespace(this.#namespace(key.namespace));
    }
    this.#wake();
  }

  #namespace(name: string): ApiObject | undefined {
    return this.#store.get({ resource: 'namespaces', namespace: '', name })?.object;
  }

  #noticeNamespace(namespace: ApiObject | undefined): void {
    if (namespace?.metadata.deletionTimestamp !== undefined) this.#namespaces.add(namespace.metadata.name ?? '');
  }

  #suspect(key: ObjectKey): void {
    this.#suspects.set(`${key.resource}/${key.namespace}/${key.name}`, key);
  }

  #wake(): void {
    if (this.#running !== undefined || this.#stopped || (this.#suspects.size === 0 && this.#namespaces.size === 0))
      return;
    this.#running = this.#collect()
      .catch((error: unknown) => this.#onError(error))
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #collect(): Promise<void> {
    // Let the change that woke us be answered first.
    await new Promise((resolve) => setImmediate(resolve));
    while (!this.#stopped && (this.#suspects.size > 0 || this.#namespaces.size > 0)) {
      const batch = [...this.#suspects].slice(0, batchSize);
      for (const [id] of batch) this.#suspects.delete(id);
      const namespaces = [...this.#namespaces];
      this.#namespaces.clear();
      const orphans = batch.map(([, key]) => key).filter((key) => this.#isOrphan(this.#store.get(key)?.object));
      if (orphans.length === 0 && namespaces.length === 0) continue;
      await this.#store.write((transaction) => {
        for (const key of orphans) this.#collectOrphan(transaction, key);
        for (const name of namespaces) this.#emptyNamespace(transaction, name);
      });
    }
  }

  #collectOrphan(transaction: Transaction, key: ObjectKey): void {
    const object = transaction.get(key)?.object;
    if (object !== undefined && this.#isOrphan(object)) removeOrMark(transaction, key, object, new Date());
  }

  /** True when the object has owners and all of them are gone. An owner of a kind that is not served is not judged. */
  #isOrphan(object: ApiObject | undefined): boolean {
    if (object === undefined) return false;
    const owners = ownersOf(object);
    return owners.length > 0 && owners.every((owner) => this.#isGone(owner, object.metadata.namespace ?? ''));
  }

  #isGone(owner: { apiVersion: string; kind: string; name: string; uid: string }, namespace: string): boolean {
    const resource = this.#resources.findKind(owner.apiVersion, owner.kind);
    if (resource === undefined) return false;
    // A cluster-scoped object cannot have an owner in a namespace: it is never collected for it.
    if (resource.namespaced && namespace === '') return false;
    const key = { resource: resource.id, namespace: resource.namespaced ? namespace : '', name: owner.name };
    return this.#store.get(key)?.object.metadata.uid !== owner.uid;
  }

  /** Deletes what is in the namespace, and the namespace itself once it is empty. */
  #emptyNamespace(transaction: Transaction, name: string): void {
    const key = { resource: 'namespaces', namespace: '', name };
    const namespace = transaction.get(key)?.object;
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    let left = 0;
    for (const resource of this.#resources.all) {
      if (!resource.namespaced) continue;
      for (const { object } of [...this.#store.list({ resource: resource.id, namespace: name })]) {
        const content = { resource: resource.id, namespace: name, name: object.metadata.name ?? '' };
        removeOrMark(transaction, content, object, new Date());
        if (transaction.get(content) !== undefined) left++;
      }
    }
    const awaited = [...(namespace.metadata.finalizers ?? []), ...finalizersOf(namespace)];
    if (left === 0 && awaited.length === 0) transaction.remove(key);
  }
}
