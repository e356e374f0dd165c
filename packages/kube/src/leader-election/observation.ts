// What one candidate knows of the lease, and since when. Whether a lease has run out is judged by how long it stayed
// unchanged by our own clock, never by the times written in it: clocks of machines differ.
import type { Lease } from '@varve/api';
import type { LeaseSpec } from './lease-lock.ts';

export class Observation {
  #lease: Lease | undefined;
  /** Outlives the lease itself: one that was deleted may have a holder that does not know it yet. */
  #spec: LeaseSpec | undefined;
  #identity = '';
  #since = Number.NEGATIVE_INFINITY;

  /** The newest version, to be written over; undefined when there is none. */
  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** What stood in the lease last, also when it is gone. */
  get spec(): LeaseSpec | undefined {
    return this.#spec;
  }

  /** Who had the lease last; undefined when it was free. */
  get holder(): string | undefined {
    return this.#spec?.holderIdentity || undefined;
  }

  /** Takes over what the server has, at `now` (milliseconds of our clock). Labels and the like are no sign of life. */
  update(lease: Lease | undefined, now: number): void {
    this.#lease = lease;
    if (lease === undefined) return;
    const identity = JSON.stringify([lease.metadata.uid, lease.spec]);
    if (identity === this.#identity) return;
    this.#identity = identity;
    this.#spec = lease.spec ?? {};
    this.#since = now;
  }

  /** True while the holder may still count on its lease; `duration` (milliseconds) where the lease names none. */
  isHeld(now: number, duration: number): boolean {
    if (this.holder === undefined) return false;
    const seconds = this.#spec?.leaseDurationSeconds;
    return now < this.#since + (seconds === undefined ? duration : seconds * 1000);
  }
}
