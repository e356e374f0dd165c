// One connection between the network side and the helper: calls both ways at once. The helper's side answers verbs and,
// while it does, asks the other side for bytes that it has no network to fetch. Everything that comes is checked and
// bounded: frames, calls at once, pieces on their way.
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import * as z from 'zod';
import { AgentError } from '../error.ts';
import { dataFrame, type Frame, maxDataBytes, messageFrame, readFrames } from './frame.ts';
import { IncomingStream } from './incoming-stream.ts';
import { fromWire, toWire, wireErrorSchema } from './wire-error.ts';

const id = z.int().min(1).max(0xffffffff);
const messageSchema = z.discriminatedUnion('type', [
  // From who calls.
  z.strictObject({ type: z.literal('call'), id, verb: z.string().max(64), params: z.unknown().optional() }),
  z.strictObject({ type: z.literal('cancel'), id }),
  z.strictObject({ type: z.literal('credit'), id, pieces: z.int().min(1).max(64) }),
  // From who answers.
  z.strictObject({ type: z.literal('notice'), id, value: z.unknown().optional() }),
  z.strictObject({ type: z.literal('result'), id, value: z.unknown().optional() }),
  z.strictObject({ type: z.literal('error'), id, error: wireErrorSchema }),
  z.strictObject({ type: z.literal('end'), id }),
]);
type Message = z.infer<typeof messageSchema>;

export interface CallContext {
  /** Aborts when the caller takes the call back or is gone. */
  readonly signal: AbortSignal;
  /** Tells the caller something on the way. What it does not read in time is dropped. */
  readonly notify: (value: unknown) => void;
  /** To ask the caller back. */
  readonly channel: Channel;
}

/** Answers with a value or a stream of bytes. Throws what the caller is to be told. */
export type Answer = (verb: string, params: unknown, context: CallContext) => Promise<unknown>;

export interface CallOptions {
  readonly signal: AbortSignal;
  readonly onNotice?: (value: unknown) => void;
}

/** Marks an answer as a stream of bytes. */
export class ByteStream {
  readonly bytes: AsyncIterable<Uint8Array>;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.bytes = bytes;
  }
}

interface Outgoing {
  readonly stream: IncomingStream;
  readonly onNotice: ((value: unknown) => void) | undefined;
  readonly settle: { resolve(value: unknown): void; reject(error: unknown): void };
}

interface Served {
  readonly abort: AbortController;
  credit: number;
  wake: () => void;
}

/** More calls at once are a mistake or an attack. */
const maxCalls = 16;
/** Notices are dropped while this much waits to be read (bytes). */
const maxUnread = 1024 * 1024;

export class Channel {
  readonly #socket: Duplex;
  readonly #answer: Answer;
  readonly #outgoing = new Map<number, Outgoing>();
  readonly #served = new Map<number, Served>();
  readonly #answering = new Set<Promise<void>>();
  #lastId = 0;
  #closed = false;
  #heard = false;

  constructor(socket: Duplex, answer: Answer) {
    this.#socket = socket;
    this.#answer = answer;
    socket.on('error', () => {});
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether anything came from the other side. */
  get heard(): boolean {
    return this.#heard;
  }

  /**
   * Reads until the other side is gone, or sends what it may not: then it throws HELPER_REFUSED. All calls are aborted,
   * and when it returns, those that were answered here have ended.
   */
  async run(): Promise<void> {
    let failure: unknown;
    try {
      for await (const frame of readFrames(this.#socket)) {
        this.#heard = true;
        this.#take(frame);
        // Who does not read what it asked for is not asked what it wants next.
        if (this.#socket.writableNeedDrain)
          await Promise.race([once(this.#socket, 'drain'), once(this.#socket, 'close')]);
      }
    } catch (error) {
      failure = error;
    } finally {
      this.close();
    }
    await Promise.all(this.#answering);
    if (failure instanceof AgentError) throw failure;
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
    for (const { abort } of this.#served.values()) abort.abort();
    for (const [, { settle, stream }] of this.#outgoing) {
      stream.fail(gone());
      settle.reject(gone());
    }
    this.#outgoing.clear();
  }

  /** Calls the other side. */
  async call(verb: string, params: unknown, { signal, onNotice }: CallOptions): Promise<unknown> {
    const { result } = this.#begin(verb, params, signal, onNotice);
    return await result;
  }

  /** Calls the other side for a stream of bytes. */
  async *open(verb: string, params: unknown, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const call = this.#begin(verb, params, signal, undefined);
    // Its error comes out of the stream.
    call.result.catch((error: unknown) => call.stream.fail(error));
    try {
      yield* call.stream.read();
    } finally {
      call.cancel();
    }
  }

  #begin(verb: string, params: unknown, signal: AbortSignal, onNotice: ((value: unknown) => void) | undefined) {
    signal.throwIfAborted();
    if (this.#closed) throw gone();
    this.#lastId += 1;
    const callId = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const stream = new IncomingStream((pieces) => this.#send({ type: 'credit', id: callId, pieces }));
    this.#outgoing.set(callId, { stream, onNotice, settle: { resolve, reject } });
    const cancel = () => {
      if (!this.#outgoing.delete(callId)) return;
      this.#send({ type: 'cancel', id: callId });
      reject(signal.aborted ? signal.reason : gone());
    };
    signal.addEventListener('abort', cancel, { once: true });
    const result = promise.finally(() => signal.removeEventListener('abort', cancel));
    this.#send({ type: 'call', id: callId, verb, params });
    return { result, stream, cancel };
  }

  #take(frame: Frame): void {
    if (frame.kind === 'data') {
      this.#outgoing.get(frame.id)?.stream.push(frame.bytes);
      return;
    }
    const message = messageSchema.safeParse(frame.value).data;
    if (!message) throw refused('something that is no message came');
    this.#handle(message);
  }

  #handle(message: Message): void {
    const call = this.#outgoing.get(message.id);
    const served = this.#served.get(message.id);
    switch (message.type) {
      case 'call':
        if (served || this.#served.size >= maxCalls)
          throw refused(`more than ${maxCalls} calls came at once, or one twice`);
        this.#begun(this.#serve(message.id, message.verb, message.params));
        return;
      case 'cancel':
        served?.abort.abort();
        return;
      case 'credit':
        if (!served) return;
        served.credit += message.pieces;
        served.wake();
        return;
      case 'notice':
        call?.onNotice?.(message.value);
        return;
      case 'result':
      case 'end':
        this.#outgoing.delete(message.id);
        call?.stream.end();
        call?.settle.resolve(message.type === 'result' ? message.value : undefined);
        return;
      case 'error':
        this.#outgoing.delete(message.id);
        call?.stream.fail(fromWire(message.error));
        call?.settle.reject(fromWire(message.error));
    }
  }

  #begun(answer: Promise<void>): void {
    this.#answering.add(answer);
    void answer.finally(() => this.#answering.delete(answer));
  }

  async #serve(callId: number, verb: string, params: unknown): Promise<void> {
    const served: Served = { abort: new AbortController(), credit: 0, wake: () => {} };
    this.#served.set(callId, served);
    const { signal } = served.abort;
    const notify = (value: unknown) => {
      if (this.#socket.writableLength < maxUnread) this.#send({ type: 'notice', id: callId, value });
    };
    try {
      const value = await this.#answer(verb, params, { signal, notify, channel: this });
      if (value instanceof ByteStream) await this.#sendBytes(callId, value.bytes, served);
      this.#send(value instanceof ByteStream ? { type: 'end', id: callId } : { type: 'result', id: callId, value });
    } catch (error) {
      this.#send({ type: 'error', id: callId, error: toWire(error) });
    } finally {
      this.#served.delete(callId);
    }
  }

  /** Only as much as the other side has given credit for. */
  async #sendBytes(callId: number, bytes: AsyncIterable<Uint8Array>, served: Served): Promise<void> {
    const { signal } = served.abort;
    for await (const chunk of bytes) {
      for (let at = 0; at < chunk.length; at += maxDataBytes) {
        await waitForCredit(served);
        signal.throwIfAborted();
        served.credit -= 1;
        this.#write(dataFrame(callId, chunk.subarray(at, at + maxDataBytes)));
      }
    }
  }

  #send(message: Message): void {
    if (!this.#closed) this.#write(messageFrame(message));
  }

  #write(frame: Buffer): void {
    if (this.#socket.writable) this.#socket.write(frame);
  }
}

async function waitForCredit(served: Served): Promise<void> {
  const { signal } = served.abort;
  while (served.credit <= 0 && !signal.aborted) {
    const { promise, resolve } = Promise.withResolvers<void>();
    served.wake = resolve;
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
  }
}

function gone(): AgentError {
  return new AgentError(
    'HELPER_UNREACHABLE',
    'the connection between agent and helper ended; it is made again: see `systemctl status varve-helper` if it stays so',
  );
}

function refused(what: string): AgentError {
  return new AgentError('HELPER_REFUSED', `${what} over the helper's socket; the connection was cut`);
}
