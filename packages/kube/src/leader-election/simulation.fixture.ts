// Processes with clocks of their own, a lease on a server between which and them anything may get lost, and simulated time:
// an hour passes in a moment, and the same way each time.
import type { Lease } from '@varve/api';
import type { Clock } from '../clock.ts';
import { KubeError } from '../error.ts';
import type { LeaseLock, LeaseSpec } from './lease-lock.ts';

/** What happens to one request; times in simulated milliseconds. */
export interface Passage {
  readonly there: number;
  readonly back: number;
  /** `unheard`: done, but the answer gets lost; `hang`: not even that; `refused`: fails at once. */
  readonly fate: 'ok' | 'unheard' | 'hang' | 'refused';
}

export class Simulation {
  now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly fire: () => void }>();

  /** Resolves after `milliseconds`, or on the abort. */
  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = { at: this.now + Math.max(0, milliseconds), fire: resolve };
    this.#timers.add(timer);
    const abort = () => {
      this.#timers.delete(timer);
      resolve();
    };
    signal?.addEventListener('abort', abort, { once: true });
    await promise;
    signal?.removeEventListener('abort', abort);
  }

  /** Lets time pass, one timer after the other. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    await settled();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next);
      this.now = next.at;
      next.fire();
      await settled();
    }
    this.now = end;
  }

  /** A clock that started elsewhere, goes `rate` as fast, and whose date is wrong by hours. */
  clock(rate: number, offset: number): Clock {
    return {
      now: () => offset + this.now * rate,
      date: () => new Date(Date.UTC(2026, 0, 1) + offset * 10_000 + this.now * rate),
      sleep: (milliseconds, signal) => this.sleep(milliseconds / rate, signal),
    };
  }

  #next(end: number) {
    let next: { readonly at: number; readonly fire: () => void } | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
    return next;
  }
}

/** The lease as the server has it. */
export class LeaseServer {
  lease: Lease | undefined;
  /** Every write that counted. */
  readonly writes: LeaseSpec[] = [];
  readonly #simulation: Simulation;
  #version = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** The lock of one process; `passage` says what happens to its next request. */
  lock(passage: () => Passage): LeaseLock {
    const passed = async <T>(act: () => T, signal: AbortSignal): Promise<T> => {
      const { there, back, fate } = passage();
      if (fate === 'refused') throw new KubeError('UNREACHABLE', 'refused');
      if (fate === 'hang') return await aborted(signal);
      // A request that was sent arrives, whether or not somebody still waits for its answer.
      await Promise.race([this.#simulation.sleep(there), aborted(signal).catch(() => {})]);
      const late = signal.aborted;
      if (late) await this.#simulation.sleep(there / 2);
      const result = outcome(act);
      if (late || fate === 'unheard') return await aborted(signal);
      await this.#simulation.sleep(back, signal);
      signal.throwIfAborted();
      return result();
    };
    return {
      read: (signal) => passed(() => structuredClone(this.lease), signal),
      write: (lease, spec, signal) => passed(() => this.#write(lease, spec), signal),
    };
  }

  #write(read: Lease | undefined, spec: LeaseSpec): Lease {
    const old = this.lease;
    if (read === undefined && old !== undefined) throw new KubeError('ALREADY_EXISTS', 'exists');
    if (read !== undefined && old === undefined) throw new KubeError('NOT_FOUND', 'gone');
    if (read?.metadata.resourceVersion !== old?.metadata.resourceVersion) throw new KubeError('CONFLICT', 'changed');
    this.#version += 1;
    const metadata = { ...(read?.metadata ?? { name: 'l', uid: `u${this.#version}` }) };
    metadata.resourceVersion = String(this.#version);
    this.lease = structuredClone({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec });
    this.writes.push(structuredClone(spec));
    return structuredClone(this.lease);
  }
}

function outcome<T>(act: () => T): () => T {
  try {
    const value = act();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  signal.throwIfAborted();
  return await promise;
}

/** Until everything that can go on without time passing has gone on. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
