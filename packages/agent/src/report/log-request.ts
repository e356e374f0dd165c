// Answers who asks for log lines by an annotation on the host's MachineConfigNode: once, in its status, for a minute.
import { setTimeout as sleep } from 'node:timers/promises';
import { logsRequestedAnnotation, type MachineConfigNode, maxLogLength } from '@varve/api';
import type { RecentLog } from './recent-log.ts';
import type { View } from './view.ts';

const shownMilliseconds = 60_000;
const maxRequestLength = 256;

export class LogRequests {
  readonly #log: RecentLog;
  readonly #update: (change: Partial<View>) => void;
  #answered: string | undefined;

  constructor(log: RecentLog, update: (change: Partial<View>) => void) {
    this.#log = log;
    this.#update = update;
  }

  /** Looks whether the newest object asks for something that was not answered. */
  accept(node: MachineConfigNode, signal: AbortSignal): void {
    const requested = node.metadata.annotations?.[logsRequestedAnnotation]?.slice(0, maxRequestLength);
    if (requested === undefined || requested === this.#answered) return;
    this.#answered = requested;
    this.#update({ logs: { requested, text: this.#log.text(maxLogLength) } });
    void this.#takeBack(requested, signal);
  }

  async #takeBack(requested: string, signal: AbortSignal): Promise<void> {
    await sleep(shownMilliseconds, undefined, { signal, ref: false }).catch(() => {});
    if (this.#answered === requested) this.#update({ logs: undefined });
  }
}
