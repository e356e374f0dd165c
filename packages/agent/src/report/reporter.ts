// Writes the status of the host's own MachineConfigNode. Reporting never holds up the work: the newest view is kept,
// and written when the server can be reached. Only this agent writes the status, so replacing it whole cannot conflict.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Condition, machineConfigNodeResource } from '@varve/api';
import type { KubeClient } from '@varve/kube';
import { retryDelay } from '../retry-delay.ts';
import { News } from './signal.ts';
import { statusOf } from './status.ts';
import { initialView, type View } from './view.ts';

/** Bytes in progress are shown at most this often. */
const progressMilliseconds = 1_000;
const settleMilliseconds = 20;
const longestRetry = 10_000;
const idleMilliseconds = 60 * 60_000;

export class StatusReporter {
  #view: View = initialView;
  #conditions: readonly Condition[] = [];
  #written = '';
  #reachable = false;
  /** Whether the server has the object: a host joins before its MachineConfigNode is made. */
  #present = false;
  readonly #news = new News();

  get view(): View {
    return this.#view;
  }

  update(change: Partial<View>): void {
    this.#view = { ...this.#view, ...change };
    this.#news.mark();
  }

  /** The server's object as it is found: its conditions' transition times are kept, and it may lack what was written. */
  adopt(conditions: readonly Condition[]): void {
    if (this.#conditions.length === 0) this.#conditions = conditions;
    this.#written = '';
    this.#present = true;
    this.#news.mark();
  }

  /** The server's object is gone: nothing can be written until there is another one. */
  abandon(): void {
    this.#present = false;
  }

  /** Until the newest view is written, at most `milliseconds`; at once while the server is away. */
  async flush(milliseconds: number): Promise<void> {
    if (this.#reachable) await this.#news.flush(milliseconds);
  }

  /** Writes until `signal` aborts. */
  async run(
    client: Pick<KubeClient, 'patch'>,
    nodeName: string,
    onError: (error: unknown) => void,
    signal: AbortSignal,
  ): Promise<void> {
    this.#written = '';
    this.#news.mark();
    for (let failures = 0; !signal.aborted; ) {
      await this.#news.wait(this.#news.marked ? 0 : idleMilliseconds, signal);
      this.#news.take();
      if (!this.#present || !isTelling(this.#view)) {
        await this.#news.wait(idleMilliseconds, signal);
        this.#news.mark();
        continue;
      }
      const view = this.#view;
      try {
        await this.#write(client, nodeName, view, signal);
        this.#news.settle();
        this.#reachable = true;
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#reachable = false;
        onError(error);
        this.#news.mark();
        await sleep(Math.min(longestRetry, retryDelay(++failures)), undefined, { signal }).catch(() => {});
        continue;
      }
      await this.#pace(view, signal);
    }
  }

  /** Leaves time for several changes to become one write; more of it while only numbers move. */
  async #pace(written: View, signal: AbortSignal): Promise<void> {
    await sleep(settleMilliseconds, undefined, { signal }).catch(() => {});
    const end = performance.now() + progressMilliseconds;
    while (!signal.aborted && this.#news.marked && performance.now() < end && sameButProgress(written, this.#view)) {
      this.#news.take();
      await this.#news.wait(end - performance.now(), signal);
      this.#news.mark();
    }
  }

  async #write(client: Pick<KubeClient, 'patch'>, nodeName: string, view: View, signal: AbortSignal): Promise<void> {
    const status = statusOf(view, this.#conditions, new Date());
    const text = JSON.stringify(status);
    if (text === this.#written) return;
    await client.patch(machineConfigNodeResource, nodeName, [{ op: 'add', path: '/status', value: status }], {
      type: 'json',
      subresource: 'status',
      signal,
    });
    this.#written = text;
    this.#conditions = status.conditions ?? [];
  }
}

/**
 * False until the host was looked at: an agent that has just started would take back that the host runs its config, and
 * the rollout would take it for unavailable.
 */
function isTelling(view: View): boolean {
  return view.host !== undefined || view.failure !== undefined;
}

function sameButProgress(a: View, b: View): boolean {
  return (
    a.step === b.step && a.failure === b.failure && a.drift === b.drift && a.host === b.host && a.desired === b.desired
  );
}
