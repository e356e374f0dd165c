// What the client process is told to do, and what it answers.

export type Verb = 'create' | 'patch-status' | 'get';

export type Job =
  /** `count` requests of one kind, as many at once as there are connections, for the Nodes from `first` on. */
  | { readonly kind: 'requests'; readonly verb: Verb; readonly first: number; readonly count: number }
  /** All Nodes in one answer, so many times. */
  | { readonly kind: 'list'; readonly rounds: number }
  /** A watcher of each of the first Nodes, then a write to each of them. */
  | { readonly kind: 'fanout'; readonly watchers: number };

/** Times are milliseconds. */
export interface Outcome {
  /** How many a second. */
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Of one answer; only where that is of interest. */
  readonly bytes: number;
}

export interface Target {
  readonly server: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export function parseOutcome(value: unknown): Outcome {
  if (typeof value !== 'object' || value === null) throw new Error(`the client answers ${String(value)}`);
  const number = (key: string): number => {
    const found: unknown = Reflect.get(value, key);
    if (typeof found !== 'number') throw new Error(`the client answers ${JSON.stringify(value)}`);
    return found;
  };
  return { rate: number('rate'), p50: number('p50'), p99: number('p99'), bytes: number('bytes') };
}

export function outcomeOf(latencies: readonly number[], seconds: number, bytes = 0): Outcome {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { rate: latencies.length / seconds, p50: at(0.5), p99: at(0.99), bytes };
}
