// Kubernetes Events: what happened to an object, for people (`kubectl describe`, `kubectl get events`). They are a
// courtesy: recording one never blocks, never fails and never holds more than a bounded number of them. Repeats raise
// the count of the first one by a PATCH, as client-go's tools/record does, and like there they are kept few.
import { randomBytes } from 'node:crypto';
import { type CoreEvent, eventResource, type KubeObject } from '@varve/api';
import { delay } from './abort.ts';
import { backoffDelay } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { formatTime } from './conditions.ts';
import { isKubeError, KubeError } from './error.ts';
import { EventCorrelator, type EventType, type Occurrence, similarInterval } from './event-correlator.ts';
import { RecentMap } from './recent-map.ts';

export interface EventRecorderOptions {
  /** Who reports, such as `varve-rollout`. */
  readonly component: string;
  /** The host of the reporter, for agents. */
  readonly host?: string;
  /** Told of events that could not be delivered. */
  readonly onError?: (error: unknown) => void;
}

interface Pending {
  occurrence: Occurrence;
  readonly first: Date;
  last: Date;
  count: number;
}

/** An event that the server has, to be counted up. */
interface Recorded {
  readonly namespace: string;
  readonly name: string;
  /** With what was not worth a request of its own. */
  count: number;
  readonly last: number;
}

const maxPending = 1_000;
const maxRecorded = 4_096;
/** apimachinery NoteLengthLimit, in bytes; the cut leaves room for multi-byte characters. */
const maxMessageLength = 1_024;
const attempts = 4;
const backoff = { initial: 500, max: 5_000 };
/** Milliseconds that closing waits for what is not yet delivered. */
const closeTimeout = 5_000;

export class EventRecorder implements AsyncDisposable {
  readonly #client: KubeClient;
  readonly #options: EventRecorderOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #recorded = new RecentMap<Recorded>(maxRecorded);
  readonly #correlator = new EventCorrelator();
  readonly #ended = new AbortController();
  #closing = false;
  #worker: Promise<void> | undefined;

  constructor(client: KubeClient, options: EventRecorderOptions) {
    this.#client = client;
    this.#options = options;
  }

  /**
   * Notes that something happened to `object`. `reason` is one CamelCase word, `message` a sentence. The tenth message of
   * one reason within ten minutes begins one event for all that follow, and what is told about one object beyond 25
   * requests waits for the next, one in five minutes.
   */
  record(object: KubeObject, type: EventType, reason: string, message: string, now = new Date()): void {
    if (this.#closing) return;
    const { key, message: told } = this.#correlator.correlate({ object, type, reason, message }, now.getTime());
    const occurrence = { object, type, reason, message: cut(told) };
    const waiting = this.#pending.get(key);
    if (waiting !== undefined) {
      waiting.count += 1;
      waiting.last = now;
      waiting.occurrence = occurrence;
      return;
    }
    if (!this.#correlator.admits(object, now.getTime())) {
      const recorded = this.#recorded.get(key);
      if (recorded !== undefined) recorded.count += 1;
      return;
    }
    if (this.#pending.size >= maxPending) {
      this.#report(new KubeError('UNAVAILABLE', `${maxPending} events wait for delivery; "${reason}" was dropped.`));
      return;
    }
    this.#pending.set(key, { occurrence, first: now, last: now, count: 1 });
    this.#worker ??= this.#deliverAll();
  }

  /** Resolves when everything recorded so far is delivered or given up. */
  async flush(): Promise<void> {
    await this.#worker;
  }

  /** Takes no more events, and gives those that wait 5 s. */
  async close(): Promise<void> {
    this.#closing = true;
    const timer = setTimeout(() => this.#ended.abort(), closeTimeout);
    await this.flush();
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #deliverAll(): Promise<void> {
    // The caller of record goes on first.
    await Promise.resolve();
    for (const [key, pending] of this.#pending) {
      this.#pending.delete(key);
      try {
        await this.#deliver(key, pending);
      } catch (error) {
        this.#report(error);
      }
    }
    this.#worker = undefined;
  }

  async #deliver(key: string, pending: Pending): Promise<void> {
    const { signal } = this.#ended;
    for (let attempt = 0; ; attempt += 1) {
      signal.throwIfAborted();
      try {
        this.#recorded.set(key, await this.#write(this.#recorded.get(key), pending));
        return;
      } catch (error) {
        // Forbidden or invalid stays so; what the network did may be over in a moment.
        const retriable = isKubeError(
          error,
          'UNREACHABLE',
          'TIMEOUT',
          'UNAVAILABLE',
          'TOO_MANY_REQUESTS',
          'SERVER_ERROR',
        );
        if (!retriable || attempt + 1 >= attempts) throw error;
        await delay(backoffDelay(attempt, backoff), signal);
      }
    }
  }

  async #write(recorded: Recorded | undefined, pending: Pending): Promise<Recorded> {
    if (recorded !== undefined && pending.last.getTime() - recorded.last < similarInterval) {
      try {
        return await this.#countUp(recorded, pending);
      } catch (error) {
        // Servers forget events after a while.
        if (!isKubeError(error, 'NOT_FOUND')) throw error;
      }
    }
    return this.#create(pending);
  }

  async #countUp(recorded: Recorded, pending: Pending): Promise<Recorded> {
    const { namespace, name } = recorded;
    const count = recorded.count + pending.count;
    const patch = { count, lastTimestamp: formatTime(pending.last), message: pending.occurrence.message };
    await this.#client.patch(eventResource, name, patch, { namespace, signal: this.#ended.signal });
    // Not what was sent: more may have been counted meanwhile.
    return { namespace, name, count: recorded.count + pending.count, last: pending.last.getTime() };
  }

  async #create(pending: Pending): Promise<Recorded> {
    const { occurrence, count, first, last } = pending;
    const { component, host } = this.#options;
    const { metadata, apiVersion, kind } = occurrence.object;
    // Events of cluster-scoped objects live in `default`.
    const namespace = metadata.namespace ?? 'default';
    const name = `${(metadata.name ?? 'unknown').slice(0, 200)}.${randomBytes(8).toString('hex')}`;
    const event: CoreEvent = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        apiVersion,
        kind,
        ...(metadata.name === undefined ? {} : { name: metadata.name }),
        ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
        ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
        ...(metadata.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion }),
      },
      type: occurrence.type,
      reason: occurrence.reason,
      message: occurrence.message,
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
      firstTimestamp: formatTime(first),
      lastTimestamp: formatTime(last),
      count,
    };
    await this.#client.create(eventResource, event, { signal: this.#ended.signal });
    return { namespace, name, count, last: last.getTime() };
  }

  #report(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // A broken logger must not stop the recorder.
    }
  }
}

function cut(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= maxMessageLength) return message;
  return `${bytes
    .subarray(0, maxMessageLength - 8)
    .toString()
    .replace(/\uFFFD+$/, '')}…`;
}
