// Pieces of a blob from a registry: several in one request where it can, else one by one and some ahead, so that the wire is
// not idle between them. A connection that breaks is taken up where it broke off.
import { OciError } from '../error.ts';
import { formatRanges, parseContentRange } from '../ranges/content-range.ts';
import { parseBoundary, parseMultipart } from '../ranges/multipart.ts';
import type { BlobRange, OpenedRange } from '../ranges/open-ranges.ts';
import { NotAsAskedError, type Piece, Wanted } from '../ranges/wanted.ts';
import { backoffDelay, type RetryPolicy, waitFor } from './backoff.ts';
import { unreachable } from './failure.ts';
import { type Answer, discard, headerText } from './transport.ts';

/** Keeps the Range header below 3 KiB; many servers take no more than 8 KiB of headers. */
const maximumRanges = 128;
/** Requests that are under way at a time. */
const parallelRequests = 4;
/** What an answer may have too much before it is cut off, which costs a connection. */
const bearableSurplus = 64 * 1024;
/** Enough progress for the attempts to count from the beginning again, besides a range that is complete. */
const worthwhileProgress = 64 * 1024;

/** What servers answer that know no ranges, or not so many: also when they should not. */
export const rangeRefusals: readonly number[] = [400, 413, 416, 431, 501];

/** What is known of a registry; kept from one download to the next. */
export interface RangeSupport {
  /** Whether it gives several ranges in one answer; undefined before it was asked. */
  severalRanges?: boolean;
}

export interface RangeDownload {
  registry: string;
  /** Names the content in messages. */
  what: string;
  ranges: readonly BlobRange[];
  support: RangeSupport;
  policy: RetryPolicy;
  signal: AbortSignal | undefined;
  /** Asks with a Range header; answers with 200, 206 or one of `rangeRefusals`. */
  open: (range: string, signal: AbortSignal) => Promise<Answer>;
}

/** A request under way. */
interface Request {
  ranges: readonly BlobRange[];
  answer: Promise<Answer>;
}

/**
 * The bytes of the ranges, in order.
 * @throws OciError RANGES_UNSUPPORTED, REGISTRY_UNREACHABLE, and what `open` throws
 */
export async function* downloadRanges(download: RangeDownload): AsyncGenerator<Piece, void, undefined> {
  const queue = [...download.ranges];
  const requests: Request[] = [];
  const left = new AbortController();
  const signal = download.signal === undefined ? left.signal : AbortSignal.any([download.signal, left.signal]);
  const start = (ranges: readonly BlobRange[]): Request => startRequest(ranges, download.open, signal);
  try {
    while (queue.length > 0 || requests.length > 0) {
      const parallel = download.support.severalRanges === undefined ? 1 : parallelRequests;
      while (queue.length > 0 && requests.length < parallel) requests.push(start(nextRanges(queue, download.support)));
      const request = requests.shift();
      if (request === undefined) return;
      const missing = yield* receive(request, download, start);
      if (missing.length === 0) continue;
      // Several ranges are not to be had: what was asked for in that way is asked for anew.
      const others = requests.splice(0);
      queue.unshift(...missing, ...others.flatMap(({ ranges }) => ranges));
      for (const other of others) letGo(other);
    }
  } finally {
    for (const request of requests) letGo(request);
    left.abort();
  }
}

function nextRanges(queue: BlobRange[], { severalRanges = true }: RangeSupport): BlobRange[] {
  return queue.splice(0, severalRanges ? maximumRanges : 1);
}

function startRequest(ranges: readonly BlobRange[], open: RangeDownload['open'], signal: AbortSignal): Request {
  const answer = open(formatRanges(ranges), signal);
  // It may fail before its turn comes, and then waits for it.
  answer.catch(() => undefined);
  return { ranges, answer };
}

function letGo({ answer }: Request): void {
  answer.then(({ body }) => discard(body)).catch(() => undefined);
}

/** The bytes of one request, with as many others as it takes. Returns what must be asked for one by one. */
async function* receive(
  first: Request,
  download: RangeDownload,
  start: (ranges: readonly BlobRange[]) => Request,
): AsyncGenerator<Piece, readonly BlobRange[], undefined> {
  const wanted = new Wanted(first.ranges);
  let request = first;
  let failures = 0;
  for (;;) {
    const completed = wanted.completed;
    const bytes = wanted.bytes;
    let failure: unknown = new Error('the connection ended too early');
    const answer = await request.answer;
    try {
      for await (const part of parts(answer, request.ranges)) yield* takePart(part, wanted);
      if (wanted.isComplete) {
        if (request.ranges.length > 1) download.support.severalRanges = true;
        return [];
      }
      if (request.ranges.length > 1) throw new NotAsAskedError('it answers with fewer ranges');
    } catch (error) {
      download.signal?.throwIfAborted();
      if (error instanceof OciError) throw error;
      if (wanted.isComplete) return [];
      if (error instanceof NotAsAskedError) return withoutSeveralRanges(wanted, request, download, error);
      failure = error;
    }
    const isWorthwhile = wanted.completed > completed || wanted.bytes - bytes >= worthwhileProgress;
    failures = isWorthwhile ? 1 : failures + 1;
    if (failures >= download.policy.attempts) throw unreachable(download.registry, download.what, failure);
    await waitFor(backoffDelay(failures - 1, download.policy, Math.random()), download.signal);
    request = start(wanted.ranges);
  }
}

async function* takePart(part: OpenedRange, wanted: Wanted): AsyncGenerator<Piece, void, undefined> {
  let position = part.offset;
  let surplus = 0;
  for await (const bytes of part.bytes) {
    yield* wanted.take(position, bytes);
    position += bytes.length;
    if (wanted.isComplete) surplus += bytes.length;
    if (surplus > bearableSurplus) return;
  }
}

/** @throws OciError RANGES_UNSUPPORTED where there was only one */
function withoutSeveralRanges(
  wanted: Wanted,
  request: Request,
  { registry, what, support }: RangeDownload,
  cause: NotAsAskedError,
): readonly BlobRange[] {
  if (request.ranges.length > 1) {
    support.severalRanges = false;
    return wanted.ranges;
  }
  throw new OciError(
    'RANGES_UNSUPPORTED',
    `${registry} gives no part of ${what} (${cause.message}); fetch the whole layer instead`,
    { cause },
  );
}

/** The parts that an answer has, whichever those are. */
async function* parts(answer: Answer, ranges: readonly BlobRange[]): AsyncGenerator<OpenedRange, void, undefined> {
  if (answer.status !== 206) {
    await discard(answer.body);
    throw new NotAsAskedError(`it answers ${answer.status} to a range`);
  }
  const boundary = parseBoundary(headerText(answer.headers, 'content-type'));
  if (boundary !== undefined) {
    yield* parseMultipart(answer.body, boundary);
    return;
  }
  const range = parseContentRange(headerText(answer.headers, 'content-range'));
  if (range === undefined || range.offset > (ranges[0]?.offset ?? 0)) {
    await discard(answer.body);
    throw new NotAsAskedError('it answers with another range');
  }
  yield { offset: range.offset, bytes: answer.body };
}
