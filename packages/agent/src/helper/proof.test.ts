import { expect, test } from 'vitest';
import { HealthProof } from './proof.ts';

const healthy = async () => [true, 'found'] as const;

test('a look proves what runs until it changes, or somebody else comes', async () => {
  const proof = new HealthProof();
  expect(proof.isHealthy).toBe(false);
  expect(await proof.by(healthy)).toBe('found');
  expect(proof.isHealthy).toBe(true);
  await proof.during(async () => {});
  expect(proof.isHealthy).toBe(false);
  await proof.by(healthy);
  await proof.by(async () => [false, 'found']);
  expect(proof.isHealthy).toBe(false);
  await proof.by(healthy);
  proof.forget();
  expect(proof.isHealthy).toBe(false);
});

test.each(['before the change begins', 'while the change is made'])(
  'a look that begins %s proves nothing',
  async (when) => {
    const proof = new HealthProof();
    const [seen, changed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const look = () => proof.by(async () => seen.promise.then(() => [true, undefined] as const));
    const change = () => proof.during(() => changed.promise);
    const begun = when.startsWith('before') ? [look(), change()] : [change(), look()];
    changed.resolve();
    await begun[when.startsWith('before') ? 1 : 0];
    seen.resolve();
    await Promise.all(begun);
    expect(proof.isHealthy).toBe(false);
  },
);

test('a change that fails may have changed something', async () => {
  const proof = new HealthProof();
  await proof.by(healthy);
  await expect(proof.during(() => Promise.reject(new Error('half-way')))).rejects.toThrow('half-way');
  expect(proof.isHealthy).toBe(false);
});
