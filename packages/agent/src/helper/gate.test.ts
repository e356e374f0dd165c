import { createPrivateKey } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSigningKeys, digestConfig, rotateSigningKeys, signTarget } from '@varve/api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { statePaths } from '../state/paths.ts';
import { RootGate } from './gate.ts';
import { pinTrust } from './trust.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-gate-'));
});
afterEach(async () => await rm(directory, { recursive: true }));

const first = createSigningKeys();
const spec = { kernelArguments: ['quiet'] };

function sign(sequence: number, { privateKey } = first): string {
  const configDigest = digestConfig(spec);
  const statement = { host: 'a', pool: 'web', sequence, config: 'one', configDigest, phase: 'Applied' as const };
  return signTarget(statement, createPrivateKey(privateKey));
}

test('what was taken is remembered by the next process, and what is older is refused for ever', async () => {
  const paths = statePaths(directory);
  await pinTrust(paths.trust, 'a', first.chain);
  await new RootGate(paths).admit({ envelope: sign(10), spec });
  const next = new RootGate(paths);
  await expect(next.admit({ envelope: sign(9), spec })).rejects.toMatchObject({ code: 'TARGET_REPLAYED' });
  await expect(next.check(sign(9))).rejects.toMatchObject({ code: 'TARGET_REPLAYED' });
  await next.admit({ envelope: sign(10), spec });
  // A target that is only looked at is not taken yet.
  await next.check(sign(12));
  await next.admit({ envelope: sign(11), spec });
});

test('keys rotate by what the present ones sign', async () => {
  const paths = statePaths(directory);
  await pinTrust(paths.trust, 'a', first.chain);
  const gate = new RootGate(paths);
  const second = rotateSigningKeys(first);
  await expect(gate.check(sign(1, second))).rejects.toMatchObject({ code: 'TARGET_UNSIGNED' });
  await expect(gate.followKeys(createSigningKeys().chain)).resolves.toBe(false);
  await expect(gate.followKeys(rotateSigningKeys(createSigningKeys()).chain)).rejects.toMatchObject({
    code: 'KEYS_UNTRUSTED',
  });
  expect(await gate.followKeys(second.chain)).toBe(true);
  expect(await gate.followKeys(second.chain)).toBe(false);
  await gate.check(sign(1, second));
  await gate.check(sign(1, first));
  await gate.followKeys(rotateSigningKeys(second, { revoke: true }).chain);
  await expect(gate.check(sign(1, first))).rejects.toMatchObject({ code: 'TARGET_UNSIGNED' });
});

test('what is pinned can be read by everyone, and holds no private key', async () => {
  const { trust } = statePaths(directory);
  await pinTrust(trust, 'a', first.chain);
  expect((await stat(trust)).mode & 0o777).toBe(0o644);
  expect(await readFile(trust, 'utf8')).not.toContain('PRIVATE');
});
