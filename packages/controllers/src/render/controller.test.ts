import type { MachineConfigPool } from '@varve/api';
import { KubeError } from '@varve/kube';
import { digestOf, OciError } from '@varve/oci';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MemoryCluster } from '../testing/memory-cluster.ts';
import { configFor, imagePolicyOf, poolOf } from '../testing/objects.ts';
import { createRenderController, type RenderOptions } from './controller.ts';
import { type CheckImage, forceImagePolicyAnnotation } from './image-acceptance.ts';
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

test('that a policy is forced is told once, when it is rolled out', async () => {
  const checkImage: CheckImage = async () => {
    throw new OciError('SIGNATURE_REJECTED', 'nobody has signed it');
  };
  cluster.policies.put(imagePolicyOf('all', 'r.example'));
  start({ checkImage });
  add('web', 'r.example/os:1');
  await until(() => expect(conditionOf('web')?.reason).toBe('SIGNATURE_REJECTED'));
  const [, forced = ''] = /force-image-policy=(\w+)/.exec(conditionOf('web')?.message ?? '') ?? [];
  let failures = 2;
  cluster.beforeWrite = ({ kind }) => {
    if (kind === 'MachineConfig' && failures-- > 0) throw new KubeError('UNAVAILABLE', 'not now');
  };
  change('web', (pool) => ({
    ...pool,
    metadata: { ...pool.metadata, annotations: { [forceImagePolicyAnnotation]: forced } },
  }));
  await until(() => expect(targetOf('web')).toMatch(/^rendered-web-/));
  const told = `ImagePolicyForced web: policy ${forced} is rolled out whatever it refuses`;
  const forcing = () => cluster.told.filter((text) => text.startsWith('ImagePolicyForced'));
  await until(() => expect(forcing()).toEqual([told]));
  expect(failures).toBeLessThan(0);
  // Another config with that policy is no other policy.
  const before = targetOf('web');
  cluster.configs.put(configFor('web', { osImageURL: 'r.example/os:1', kernelArguments: ['more'] }));
  await until(() => expect(targetOf('web')).not.toBe(before));
  await until(() => expect(conditionOf('web')?.reason).toBe('Rendered'));
  expect(forcing()).toEqual([told]);
});

function conditionOf(pool: string) {
  return cluster.pools.get(pool)?.status?.conditions?.find(({ type }) => type === 'RenderDegraded');
}

function change(name: string, how: (pool: MachineConfigPool) => MachineConfigPool): void {
  const pool = cluster.pools.get(name);
  if (!pool) throw new Error(`there is no ${name}`);
  cluster.pools.put(how(pool));
}
