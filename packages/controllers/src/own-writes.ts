// A decision over many objects must see the controller's own last writes: two plans from one stale copy would give the
// same slot twice. This remembers what was written until the watch has brought it. It is no state of the controller:
// a new process begins with a fresh list, which holds every earlier write.
import type { KubeObject } from '@varve/api';

export class OwnWrites {
  readonly #versions = new Map<string, string>();
  #firstUnseen: number | undefined;

  /** Notes the object that the server answered a write with. */
  note(written: KubeObject): void {
    this.#firstUnseen ??= performance.now();
    this.#versions.set(written.metadata.name ?? '', written.metadata.resourceVersion ?? '');
  }

  /** True when `get` shows every noted write, or a later state. A deleted object has nothing left to show. */
  areSeen(get: (name: string) => KubeObject | undefined): boolean {
    for (const [name, version] of this.#versions) {
      const seen = get(name)?.metadata.resourceVersion;
      if (seen !== undefined && !isAtLeast(seen, version)) return false;
      this.#versions.delete(name);
    }
    this.#firstUnseen = undefined;
    return true;
  }

  /** Milliseconds since the first write that may not have been seen. */
  unseenFor(): number {
    return this.#firstUnseen === undefined ? 0 : performance.now() - this.#firstUnseen;
  }

  /** Forgets the writes that the server itself no longer has: it was restored from an older backup. */
  async forgetLost(read: (name: string) => Promise<KubeObject | undefined>): Promise<void> {
    for (const [name, version] of [...this.#versions]) {
      const current = (await read(name))?.metadata.resourceVersion;
      if (current === undefined || !isAtLeast(current, version)) this.#versions.delete(name);
    }
  }
}

/** Versions of one resource are ordered numbers (KEP-5504). */
function isAtLeast(version: string, other: string): boolean {
  if (version === other) return true;
  return /^\d+$/.test(version) && /^\d+$/.test(other) && BigInt(version) >= BigInt(other);
}
