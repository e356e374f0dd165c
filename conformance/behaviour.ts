// One thing that clients of an API server rely on: requests, and what is worth comparing of the answers.
import type { Connection } from '@varve/kube';
import type { Answer, ApiClient } from './client.ts';

/** What a behaviour may use. `name` and `namespace` belong to it alone; the namespace exists. */
export interface Fixture {
  /** An administrator's. */
  readonly api: ApiClient;
  /** Unique on the server, and the same on every server: for names of cluster-scoped objects too. */
  readonly name: string;
  readonly namespace: string;
  /** A client certificate of the server's authority. */
  as(user: string, ...groups: string[]): Promise<ApiClient>;
  /** A client with these credentials instead of the administrator's. */
  with(credentials: Pick<Connection, 'token'>): ApiClient;
}

/** An answer, several by name, or plain facts about them. */
export type Observation = Answer | Readonly<Record<string, unknown>>;

export interface Behaviour {
  /** What is done, in a few words; unique within its area. */
  readonly name: string;
  run(fixture: Fixture): Promise<Observation>;
}

export interface Area {
  readonly name: string;
  readonly behaviours: readonly Behaviour[];
}

/** As the tables and docs/api.md name a behaviour. */
export function titleOf(area: Area, behaviour: Behaviour): string {
  return `${area.name}: ${behaviour.name}`;
}
