// Kubernetes Events: what happened to an object, for people (`kubectl describe`, `kubectl get events`). They are a
// courtesy: recording one never blocks, never fails and never holds more than a bounded number of them. Repeats raise
// the count of the first one by a PATCH, as client-go's tools/record does.
import { randomBytes } from 'node:crypto';
import { type CoreEvent, eventResource, type KubeObject } from '@varve/api';
import { delay } from './abort.ts';
import { backoffDelay } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { formatTime } from './conditions.ts';
import { isKubeError, KubeError } from './error.ts';

export interface EventRecorderOptions {
  /** Who reports, such as `varve-rollout`. */
  readonly component: string;
  /** The host of the reporter, for agents. */
  readonly host?: string;
  /** Told of events that could not be delivered. */
  readonly onError?: (error: unknown) => void;
}

export type EventType = 'Normal' | 'Warning';

/** What to tell about one object; equal ones are the same event happening again. */
interface Occurrence {
  readonly object: KubeObject;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
}

interface Pending {
  readonly occurrence: Occurrence;
  readonly first: Date;
  last: Date;
  count: number;
}

/** An event that the server has, to be counted up. */
interface Recorded {
  readonly namespace: string;
  readonly name: string;
  readonly count: number;
  readonly last: number;
}

const maxPending = 1_000;
const maxRecorded = 4_096;
/** Milliseconds after which a repeat is a new event (client-go: defaultAggregateIntervalInSeconds, 600). */
const repeatInterval = 10 * 60_000;
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
  readonly #recorded = new Map<string, Recorded>();
  readonly #ended = new AbortController();
  #closing = false;
  #worker: Promise<void> | undefined;

  constructor(client: KubeClient, options: EventRecorderOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Notes that something happened to `object`. `reason` is one CamelCase word, `message` a sentence. */
  record(object: KubeObject, type: EventType, reason: string, message: string, now = new Date()): void {
    if (this.#closing) return;
    const occurrence = { object, type, reason, message: cut(message) };
    const key = identityOf(occurrence);
    const waiting = this.#pending.get(key);
    if (waiting !== undefined) {
      waiting.count += 1;
      waiting.last = now;
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
        this.#remember(key, await this.#write(this.#recorded.get(key), pending));
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
    if (recorded !== undefined && pending.last.getTime() - recorded.last < repeatInterval) {
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
    return { namespace, name, count, last: pending.last.getTime() };
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

  /** Keeps the most recently used ones. */
  #remember(key: string, recorded: Recorded): void {
    this.#recorded.delete(key);
    this.#recorded.set(key, recorded);
    const [oldest] = this.#recorded.keys();
    if (this.#recorded.size > maxRecorded && oldest !== undefined) this.#recorded.delete(oldest);
  }

  #report(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // A broken logger must not stop the recorder.
    }
  }
}

function identityOf({ object, type, reason, message }: Occurrence): string {
  const { namespace, name, uid } = object.metadata;
  return JSON.stringify([object.apiVersion, object.kind, namespace, name, uid, type, reason, message]);
}

function cut(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= maxMessageLength) return message;
  return `${bytes
    .subarray(0, maxMessageLength - 8)
    .toString()
    .replace(/\uFFFD+$/, '')}…`;
}
