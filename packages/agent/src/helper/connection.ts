// The network side's connection to the helper: made when it is needed, and given up when it is not, so that a host at
// rest keeps no process for it.
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError } from '../error.ts';
import { type Answer, type CallOptions, Channel } from './channel.ts';

/** A helper that restarts is there again within this (milliseconds). */
const patience = 5_000;
const pause = 100;
/** Milliseconds without a call. */
const idle = 10_000;

export class HelperConnection implements Disposable {
  readonly #path: string;
  readonly #answer: Answer;
  readonly #onRest: () => void;
  #channel: Promise<Channel> | undefined;
  #calls = 0;
  #idle: NodeJS.Timeout | undefined;

  /** `answer` is what is lent to the helper; `onRest` is called when the connection is given up because nobody needs it. */
  constructor(path: string, answer: Answer, onRest: () => void) {
    this.#path = path;
    this.#answer = answer;
    this.#onRest = onRest;
  }

  /** Throws HELPER_UNREACHABLE, or what the helper throws. */
  async call(verb: string, params: unknown, options: CallOptions): Promise<unknown> {
    this.#calls += 1;
    clearTimeout(this.#idle);
    try {
      return await this.#call(verb, params, options);
    } finally {
      this.#calls -= 1;
      if (this.#calls === 0) this.#idle = setTimeout(() => this.#rest(), idle).unref();
    }
  }

  /**
   * A connection that was just made may be closed again before anything was heard: the helper takes one at a time, and has
   * not seen the end of the one before, or it ends itself.
   */
  async #call(verb: string, params: unknown, options: CallOptions): Promise<unknown> {
    const end = performance.now() + patience;
    for (;;) {
      const isNew = this.#channel === undefined;
      const channel = await this.#open(options.signal);
      try {
        return await channel.call(verb, params, options);
      } catch (error) {
        if (!isNew || channel.heard || !channel.closed || performance.now() > end) throw error;
        await sleep(pause, undefined, { signal: options.signal });
      }
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#idle);
    this.#close();
  }

  #rest(): void {
    this.#close();
    this.#onRest();
  }

  #close(): void {
    this.#channel?.then((channel) => channel.close()).catch(() => {});
    this.#channel = undefined;
  }

  async #open(signal: AbortSignal): Promise<Channel> {
    this.#channel ??= this.#begin(signal);
    return await this.#channel;
  }

  #begin(signal: AbortSignal): Promise<Channel> {
    const opening = this.#connect(signal);
    // Only this one: when its end is noticed, another may be in its place.
    const forget = () => {
      if (this.#channel === opening) this.#channel = undefined;
    };
    opening.then((channel) => channel.run()).then(forget, forget);
    return opening;
  }

  async #connect(signal: AbortSignal): Promise<Channel> {
    const end = performance.now() + patience;
    for (;;) {
      signal.throwIfAborted();
      try {
        return new Channel(await connected(this.#path), this.#answer);
      } catch (cause) {
        if (performance.now() > end) throw unreachable(this.#path, cause);
        await sleep(pause, undefined, { signal });
      }
    }
  }
}

async function connected(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect(path);
  socket.once('connect', () => resolve(socket));
  socket.once('error', reject);
  return await promise;
}

function unreachable(path: string, cause: unknown): AgentError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AgentError(
    'HELPER_UNREACHABLE',
    `the helper does not answer on ${path} (${reason}); see \`systemctl status varve-helper.socket\``,
    { cause },
  );
}
