// Events on the host's own node objects. They are a courtesy: what happens before the server has shown the host's object,
// or while there is no connection, is kept for then, a few of them.
import type { KubeObject } from '@varve/api';
import type { EventRecorder, EventType } from '@varve/kube';

interface HostEvent {
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
  readonly time: Date;
}

/** What is kept; older ones are dropped first. */
const maxKept = 32;

export class NodeEvents {
  #recorder: Pick<EventRecorder, 'record'> | undefined;
  #object: KubeObject | undefined;
  readonly #kept: HostEvent[] = [];

  connect(recorder: Pick<EventRecorder, 'record'> | undefined): void {
    this.#recorder = recorder;
    this.#send();
  }

  about(object: KubeObject): void {
    this.#object = object;
    this.#send();
  }

  record(type: EventType, reason: string, message: string): void {
    const event = { type, reason, message, time: new Date() };
    // What happens again and again is one thing to tell.
    const index = this.#kept.findIndex((kept) => kept.reason === reason && kept.message === message);
    if (index >= 0) this.#kept.splice(index, 1);
    this.#kept.push(event);
    if (this.#kept.length > maxKept) this.#kept.shift();
    this.#send();
  }

  #send(): void {
    if (!this.#recorder || !this.#object) return;
    for (const { type, reason, message, time } of this.#kept.splice(0)) {
      this.#recorder.record(this.#object, type, reason, message, time);
    }
  }
}
