// An informer under test, and what it tells.
import { type Node, nodeResource } from '@varve/api';
import { vi } from 'vitest';
import type { Change } from './cache.ts';
import { KubeClient } from './client.ts';
import type { FaultyServer } from './faulty-server.fixture.ts';
import { Informer, type InformerOptions } from './informer.ts';

export const quick = { backoff: { initial: 5, max: 50 }, idleTimeout: 5_000, streaming: false };

/** An informer on `server`, what it told, and the failures that it reported. */
export class Observation implements AsyncDisposable {
  readonly client: KubeClient;
  readonly informer: Informer<Node>;
  readonly changes: Change<Node>[] = [];
  readonly errors: unknown[] = [];
  readonly #end = new AbortController();
  readonly #running: Promise<void>;

  constructor(server: FaultyServer, options: InformerOptions = {}) {
    this.client = new KubeClient(server.connection);
    this.informer = new Informer(this.client, nodeResource, {
      ...quick,
      onError: (error) => this.errors.push(error),
      ...options,
    });
    this.informer.onChange((change) => this.changes.push(change));
    this.#running = this.informer.start(this.#end.signal);
  }

  /** Changes as `type name`. */
  get told(): string[] {
    return this.changes.map(({ type, key }) => `${type} ${key}`);
  }

  get names(): string[] {
    return this.informer
      .list()
      .map((node) => node.metadata.name ?? '')
      .sort();
  }

  get codes(): unknown[] {
    return this.errors.map((error) => (error instanceof Error && 'code' in error ? error.code : error));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#running;
    await this.client.close();
  }
}

export function lists(server: FaultyServer): number {
  return server.requests.filter((line) => line.includes('limit=') && !line.includes('continue=')).length;
}

export async function eventually(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 15_000, interval: 5 });
}
