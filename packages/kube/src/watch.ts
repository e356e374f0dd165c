// Reading a watch: one JSON object per line (Kubernetes API concepts, "Efficient detection of changes").
import type { KubeObject, ResourceDefinition } from '@varve/api';
import { KubeError } from './error.ts';
import { type Attempt, statusError } from './failure.ts';
import { readLines } from './lines.ts';
import { decodeObject } from './object.ts';
import { isRecord } from './status.ts';

/** A change of one object; for `DELETED` its last state. */
export interface ObjectEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
}

/** Nothing happened up to this version (KEP-956): a later watch can begin here. */
export interface BookmarkEvent {
  readonly type: 'BOOKMARK';
  readonly resourceVersion: string;
  /** Everything that existed has been sent by now (KEP-3157). */
  readonly endsInitialEvents?: true;
}

export type WatchEvent<T> = ObjectEvent<T> | BookmarkEvent;

/** An object is at most 3 MiB in a request (kube-apiserver's limit), and JSON escapes grow it. */
const maxLineLength = 32 * 1024 * 1024;

/** The events in `chunks`. ERROR events are thrown with the code of their Status. */
export async function* readWatch<T extends KubeObject>(
  definition: ResourceDefinition<T>,
  chunks: AsyncIterable<Uint8Array>,
  attempt: Attempt,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  for await (const line of readLines(chunks, maxLineLength)) {
    if (line.trim() !== '') yield parseEvent(definition, line, attempt);
  }
}

function parseEvent<T extends KubeObject>(
  definition: ResourceDefinition<T>,
  line: string,
  attempt: Attempt,
): WatchEvent<T> {
  const event = parseLine(line, attempt);
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: event.type, object: decodeObject(definition, event.object) };
    case 'BOOKMARK':
      return parseBookmark(event.object, attempt);
    case 'ERROR':
      throw statusError(attempt, event.object);
    default:
      throw malformed(attempt, 'an event of unknown type');
  }
}

function parseLine(line: string, attempt: Attempt): Record<string, unknown> {
  try {
    const event: unknown = JSON.parse(line);
    if (isRecord(event)) return event;
  } catch (cause) {
    throw malformed(attempt, 'a line that is not JSON', cause);
  }
  throw malformed(attempt, 'a line that is not an object');
}

function parseBookmark(object: unknown, attempt: Attempt): BookmarkEvent {
  const metadata = isRecord(object) && isRecord(object.metadata) ? object.metadata : {};
  const { resourceVersion, annotations } = metadata;
  if (typeof resourceVersion !== 'string') throw malformed(attempt, 'a bookmark without a version');
  // metav1.InitialEventsAnnotationKey
  const isEnd = isRecord(annotations) && annotations['k8s.io/initial-events-end'] === 'true';
  return { type: 'BOOKMARK', resourceVersion, ...(isEnd ? { endsInitialEvents: true } : {}) };
}

function malformed(attempt: Attempt, what: string, cause?: unknown): KubeError {
  return new KubeError('MALFORMED_RESPONSE', `${attempt.method} ${attempt.path}: the watch sent ${what}.`, { cause });
}
