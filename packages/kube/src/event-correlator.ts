// Keeps events few: what differs only in its message becomes one event after a while, and who tells too much about one
// object is slowed down. Pure: the time is passed in. Rules and numbers: client-go tools/record/events_cache.go.
import type { KubeObject } from '@varve/api';
import { RecentMap } from './recent-map.ts';

export type EventType = 'Normal' | 'Warning';

/** What to tell about one object; equal ones are the same event happening again. */
export interface Occurrence {
  readonly object: KubeObject;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
}

/** Which event an occurrence belongs to. */
export interface Correlated {
  /** The same for occurrences of one event. */
  readonly key: string;
  /** What the event says now. */
  readonly message: string;
}

interface Similar {
  readonly messages: Set<string>;
  readonly last: number;
}

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** From this many different messages on, similar events are told as one ... */
const maxMessages = 10;
/** ... for as long as the next follows within so many milliseconds. */
export const similarInterval = 10 * 60_000;
/** Requests about one object at once, and milliseconds for each further one. */
const burst = 25;
const refill = 5 * 60_000;
const maxRemembered = 4_096;

export class EventCorrelator {
  readonly #similar = new RecentMap<Similar>(maxRemembered);
  readonly #buckets = new RecentMap<Bucket>(maxRemembered);

  /** `now` in milliseconds. */
  correlate({ object, type, reason, message }: Occurrence, now: number): Correlated {
    const similarKey = JSON.stringify([...identityOf(object), type, reason]);
    const known = this.#similar.get(similarKey);
    const messages = known !== undefined && now - known.last <= similarInterval ? known.messages : new Set<string>();
    messages.add(message);
    this.#similar.set(similarKey, { messages, last: now });
    if (messages.size < maxMessages) return { key: JSON.stringify([similarKey, message]), message };
    const [oldest] = messages;
    if (oldest !== undefined) messages.delete(oldest);
    return { key: similarKey, message: `(combined from similar events): ${message}` };
  }

  /** Whether one more request about `object` may be made now; counts it if so. */
  admits(object: KubeObject, now: number): boolean {
    const key = JSON.stringify(identityOf(object));
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, bucket.tokens + Math.max(0, now - bucket.at) / refill);
    const isAdmitted = tokens >= 1;
    this.#buckets.set(key, { tokens: isAdmitted ? tokens - 1 : tokens, at: now });
    return isAdmitted;
  }
}

function identityOf(object: KubeObject): unknown[] {
  const { namespace, name, uid } = object.metadata;
  return [object.apiVersion, object.kind, namespace, name, uid];
}
