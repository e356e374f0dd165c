// One of several processes works, the others wait for its end: the leader renews a Lease, and who finds it unchanged for
// long enough takes it. Lease, timing and hand-over are those of client-go's tools/leaderelection, so that both may stand
// for one election. Stricter than there, because a second leader must never begin before the first one has heard of its
// end: a term counts from when its renewal was sent, not answered; it ends at that moment even while a request hangs; and
// the lease is released only after the work has ended.
import { randomUUID } from 'node:crypto';
import { anySignal } from '../abort.ts';
import { type Clock, systemClock } from '../clock.ts';
import { isKubeError, KubeError } from '../error.ts';
import type { LeaseLock, LeaseSpec } from './lease-lock.ts';
import { Observation } from './observation.ts';

export interface LeaderElectionOptions {
  readonly lock: LeaseLock;
  /** Who this process is, for people; a random part makes it unique, as two processes of one name would both lead. */
  readonly identity: string;
  /** Milliseconds: others wait this long after the last renewal that they saw. 15 s unless given. */
  readonly leaseDuration?: number;
  /** Milliseconds after which a leader that cannot renew stops; the rest is for its work to end. 10 s unless given. */
  readonly renewDeadline?: number;
  /** Milliseconds between two tries. 2 s unless given. */
  readonly retryPeriod?: number;
  /** Told whenever another process, or this one, turns out to lead. */
  readonly onLeader?: (leader: { readonly identity: string; readonly isSelf: boolean }) => void;
  /** Told of every try that failed; the next one follows by itself. */
  readonly onError?: (error: unknown) => void;
  readonly clock?: Clock;
  /** Source of jitter, in [0, 1). */
  readonly random?: () => number;
}

/** The leader's work. It must end soon after `signal` aborts. */
export type Lead = (signal: AbortSignal) => Promise<void>;

/** Candidates wait up to 1 + this many periods (client-go JitterFactor). */
const jitter = 1.2;

export class LeaderElector {
  /** What stands in the lease while this process leads. */
  readonly identity: string;
  readonly #options: LeaderElectionOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #leaseDuration: number;
  readonly #renewDeadline: number;
  readonly #retryPeriod: number;
  /** A connection that hangs must not cost the whole term (as in client-go's resourcelock.NewFromKubeconfig). */
  readonly #tryTimeout: number;
  readonly #observed = new Observation();
  #announced: string | undefined;

  /** @throws RangeError when the times do not fit together */
  constructor(options: LeaderElectionOptions) {
    const { leaseDuration = 15_000, renewDeadline = 10_000, retryPeriod = 2_000 } = options;
    if (!(leaseDuration > renewDeadline && renewDeadline > retryPeriod * jitter && retryPeriod > 0)) {
      throw new RangeError('A leader election needs leaseDuration > renewDeadline > 1.2 * retryPeriod > 0.');
    }
    this.identity = `${options.identity}_${randomUUID()}`;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#leaseDuration = leaseDuration;
    this.#renewDeadline = renewDeadline;
    this.#retryPeriod = retryPeriod;
    this.#tryTimeout = renewDeadline / 2;
  }

  /**
   * Waits until this process leads and runs `lead`, once. Its signal aborts with `signal` and when the lease is lost.
   * Resolves when `lead` does, or after an abort before it began; rejects with what `lead` throws, or with
   * LEADERSHIP_LOST after `lead` has ended: call again to stand once more, or leave it to a new process.
   */
  async run(lead: Lead, signal: AbortSignal): Promise<void> {
    const until = await this.#acquire(signal);
    if (until === undefined) return;
    const lost = new AbortController();
    const ended = new AbortController();
    const work = startWork(lead, anySignal(signal, lost.signal), ended);
    const loss = await this.#renew(until, ended.signal);
    if (loss !== undefined) lost.abort(loss);
    const [result] = await Promise.allSettled([work]);
    await this.#release();
    if (loss !== undefined) throw loss;
    if (result.status === 'rejected') throw result.reason;
  }

  /** Until when this process leads, once it does; undefined after the abort. */
  async #acquire(signal: AbortSignal): Promise<number | undefined> {
    while (!signal.aborted) {
      const until = await this.#try(this.#tryTimeout, signal);
      if (until !== undefined && this.#clock.now() < until) {
        // Nothing has begun, so there is nothing to wait for.
        if (!signal.aborted) return until;
        await this.#release();
        break;
      }
      await this.#clock.sleep(this.#retryPeriod * (1 + jitter * this.#random()), signal);
    }
    return undefined;
  }

  /** Renews until `ended`, also while the work takes its time after an abort. The error when the lease is lost. */
  async #renew(begin: number, ended: AbortSignal): Promise<KubeError | undefined> {
    let until = begin;
    while (!ended.aborted) {
      await this.#clock.sleep(Math.max(0, Math.min(this.#retryPeriod, until - this.#clock.now())), ended);
      if (ended.aborted) break;
      const timeout = Math.min(this.#tryTimeout, until - this.#clock.now());
      until = (timeout > 0 ? await this.#try(timeout, ended) : undefined) ?? until;
      if (ended.aborted) break;
      const other = this.#observed.holder;
      if (other !== this.identity) return lostTo(other);
      if (this.#clock.now() >= until) return lostBySilence(this.#renewDeadline);
    }
    return undefined;
  }

  /** One try to take or keep the lease within `timeout` milliseconds: until when it is ours then. */
  async #try(timeout: number, signal: AbortSignal): Promise<number | undefined> {
    try {
      const renewed = await this.#within(timeout, signal, (bounded) => this.#acquireOrRenew(bounded));
      return renewed === undefined ? undefined : renewed + this.#renewDeadline;
    } catch (error) {
      if (!signal.aborted) report(this.#options.onError, error);
      return undefined;
    } finally {
      this.#announce();
    }
  }

  /** When the write that made or kept the lease ours was sent; undefined while another has it. */
  async #acquireOrRenew(signal: AbortSignal): Promise<number | undefined> {
    if (this.#observed.holder === this.identity) {
      try {
        // Mostly nothing has changed since our own last write, and one request is enough.
        return await this.#write(signal);
      } catch (error) {
        if (!isKubeError(error, 'CONFLICT', 'ALREADY_EXISTS', 'NOT_FOUND')) throw error;
      }
    }
    const lease = await this.#options.lock.read(signal);
    this.#observed.update(lease, this.#clock.now());
    const isOther = this.#observed.holder !== this.identity;
    if (isOther && this.#observed.isHeld(this.#clock.now(), this.#leaseDuration)) return undefined;
    try {
      return await this.#write(signal);
    } catch (error) {
      // Another was faster: no failure, but the way in which elections are decided.
      if (isKubeError(error, 'CONFLICT', 'ALREADY_EXISTS')) return undefined;
      throw error;
    }
  }

  async #write(signal: AbortSignal): Promise<number> {
    const sent = this.#clock.now();
    const { lease, spec: old = {} } = this.#observed;
    const isRenewal = old.holderIdentity === this.identity;
    const time = formatMicroTime(this.#clock.date());
    const spec: LeaseSpec = {
      ...old,
      holderIdentity: this.identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDuration / 1000),
      acquireTime: (isRenewal ? old.acquireTime : undefined) ?? time,
      renewTime: time,
      leaseTransitions: transitions(old) + (isRenewal || old.holderIdentity === undefined ? 0 : 1),
    };
    const written = await this.#options.lock.write(lease, spec, signal);
    this.#observed.update(written, sent);
    return sent;
  }

  /** Lets the next leader begin at once. If it fails, the lease runs out by itself. */
  async #release(): Promise<void> {
    if (this.#observed.holder !== this.identity) return;
    try {
      await this.#within(this.#tryTimeout, undefined, async (signal) => {
        while (!(await this.#free(signal)));
      });
    } catch (error) {
      report(this.#options.onError, error);
    }
  }

  /** False when something came in between, such as a renewal that was still under way. */
  async #free(signal: AbortSignal): Promise<boolean> {
    const lease = await this.#options.lock.read(signal);
    this.#observed.update(lease, this.#clock.now());
    if (lease?.spec?.holderIdentity !== this.identity) return true;
    const time = formatMicroTime(this.#clock.date());
    // One second, as client-go writes: older candidates look at the duration alone.
    const free = { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: time, renewTime: time };
    try {
      const written = await this.#options.lock.write(lease, { ...lease.spec, ...free }, signal);
      this.#observed.update(written, this.#clock.now());
      return true;
    } catch (error) {
      if (isKubeError(error, 'CONFLICT')) return false;
      throw error;
    }
  }

  /** `act`, or TIMEOUT after `milliseconds` of our clock, or the abort's reason: at once, whatever `act` then still does. */
  async #within<T>(
    milliseconds: number,
    signal: AbortSignal | undefined,
    act: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const over = new AbortController();
    const limit = new AbortController();
    const outer = anySignal(signal, over.signal);
    const expiry = this.#clock.sleep(milliseconds, outer).then(() => {
      signal?.throwIfAborted();
      const message = `The lease could not be read and written in ${Math.round(milliseconds)} ms; it is tried again.`;
      throw new KubeError('TIMEOUT', message);
    });
    try {
      return await Promise.race([act(anySignal(signal, limit.signal)), expiry]);
    } finally {
      limit.abort();
      over.abort();
    }
  }

  #announce(): void {
    const identity = this.#observed.holder;
    if (identity === this.#announced) return;
    this.#announced = identity;
    if (identity === undefined) return;
    try {
      this.#options.onLeader?.({ identity, isSelf: identity === this.identity });
    } catch (error) {
      report(this.#options.onError, error);
    }
  }
}

async function startWork(lead: Lead, signal: AbortSignal, ended: AbortController): Promise<void> {
  try {
    await lead(signal);
  } finally {
    ended.abort();
  }
}

function transitions(spec: LeaseSpec): number {
  return spec.leaseTransitions ?? 0;
}

function lostTo(other: string | undefined): KubeError {
  const holder = other === undefined ? 'it was released by someone else' : `"${other}" holds it now`;
  return new KubeError('LEADERSHIP_LOST', `This process no longer leads: ${holder}; start it again to stand by.`);
}

function lostBySilence(deadline: number): KubeError {
  const problem = `its lease could not be renewed for ${deadline / 1000} s`;
  return new KubeError(
    'LEADERSHIP_LOST',
    `This process no longer leads: ${problem}; check the API server, then start it again.`,
  );
}

/** metav1.MicroTime: RFC 3339 with exactly six digits of the second. */
function formatMicroTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}

function report(onError: ((error: unknown) => void) | undefined, error: unknown): void {
  try {
    onError?.(error);
  } catch {
    // A broken logger must not decide an election.
  }
}
