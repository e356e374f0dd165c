import { digestOf } from '@varve/oci';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MemoryCluster } from '../testing/memory-cluster.ts';
import { configFor, imagePolicyOf, poolOf } from '../testing/objects.ts';
import { createRenderController, type RenderOptions } from './controller.ts';
import type { ResolveImage } from './resolve-image.ts';

let cluster: MemoryCluster;
let stop: AbortController;
let running: Promise<void>;
beforeEach(() => {
  cluster = new MemoryCluster();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await running;
});

const digest = digestOf(Buffer.from('image'));
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const targetOf = (pool: string) => cluster.pools.get(pool)?.spec.configuration?.name;

function start(options: Partial<RenderOptions> = {}): void {
  const answers = { resolveImage: async () => digest, checkImage: async () => {}, settle: 0 };
  running = createRenderController(cluster.context(), { ...answers, ...options }).run(stop.signal);
}

function add(pool: string, osImageURL: string): void {
  cluster.configs.put(configFor(pool, { osImageURL }));
  cluster.pools.put(poolOf(pool));
}

test.each(['resolveImage', 'checkImage'] as const)(
  'pools whose registry hangs keep no other one waiting (%s)',
  async (question) => {
    const asked = new Set<string>();
    const hang = async (image: string, signal: AbortSignal) => {
      if (!image.startsWith('hangs.example/')) return;
      asked.add(image);
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const resolveImage: ResolveImage = async (image, signal) => {
      await hang(image, signal);
      return digest;
    };
    cluster.policies.put(imagePolicyOf('all', 'hangs.example'));
    start(question === 'resolveImage' ? { resolveImage } : { checkImage: (image, _, signal) => hang(image, signal) });
    const hanging = Array.from({ length: 20 }, (_, number) => `hangs-${number}`);
    for (const pool of hanging) add(pool, `hangs.example/${pool}:1`);
    await until(() => expect(asked.size).toBeGreaterThan(3));
    add('web', 'answers.example/os:1');
    await until(() => expect(targetOf('web')).toMatch(/^rendered-web-/));
    await until(() => expect(asked.size).toBe(hanging.length));
    expect(hanging.map(targetOf)).toEqual(hanging.map(() => undefined));
  },
);
