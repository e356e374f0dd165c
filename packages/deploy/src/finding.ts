// What a check of a cluster says.
import type { KubeClient } from '@varve/kube';

/** What is checked. Reads, and questions of who may do what. */
export type Server = Pick<KubeClient, 'raw'>;

export interface Finding {
  readonly check: string;
  /** `optional`: missing, and nothing depends on it. `refused`: Varve must not run here. */
  readonly result: 'ok' | 'missing' | 'differs' | 'optional' | 'refused';
  /** What was found, and what to do; '' when there is nothing to say. */
  readonly message: string;
}
