// Events on the host's own node objects, while a server can be reached; they are a courtesy and are dropped otherwise.
import type { KubeObject } from '@varve/api';
import type { EventRecorder, EventType } from '@varve/kube';

export class NodeEvents {
  #recorder: EventRecorder | undefined;
  #object: KubeObject | undefined;

  connect(recorder: EventRecorder | undefined): void {
    this.#recorder = recorder;
  }

  about(object: KubeObject): void {
    this.#object = object;
  }

  record(type: EventType, reason: string, message: string): void {
    if (this.#object) this.#recorder?.record(this.#object, type, reason, message);
  }
}
