import { createPrivateKey } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createSigningKeys,
  digestConfig,
  type MachineConfigNode,
  rotateSigningKeys,
  type SigningKeys,
  signedTargetAnnotation,
  signTarget,
} from '@varve/api';
import { createCertificateAuthority, KubeClient } from '@varve/kube';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentError } from '../error.ts';
import { RootGate, type TargetGate } from '../helper/gate.ts';
import { pinTrust } from '../helper/trust.ts';
import { writeState } from '../state/durable-file.ts';
import { type StatePaths, statePaths } from '../state/paths.ts';
import { loadDesired } from './load-desired.ts';

let directory: string;
let paths: StatePaths;
/** Nothing listens on port 9, "discard": what has to be asked for is not to be had. */
let client: KubeClient;
const keys = createSigningKeys();
const spec = { kernelArguments: ['quiet'] };
const { signal } = new AbortController();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-desired-'));
  paths = statePaths(directory);
  await pinTrust(paths.trust, 'a', keys.chain);
  const ca = (await createCertificateAuthority({ commonName: 'test' })).certificate;
  client = new KubeClient({ server: 'https://127.0.0.1:9', ca, token: 't' });
});
afterEach(async () => {
  await client.close();
  await rm(directory, { recursive: true });
});

function envelope(sequence: number, config = 'one', signer: SigningKeys = keys): string {
  const content = { host: 'a', pool: 'web', config, configDigest: digestConfig(spec), phase: 'Applied' as const };
  return signTarget({ ...content, sequence }, createPrivateKey(signer.privateKey));
}

function node(generation: number, signed: string | undefined, config = 'one'): MachineConfigNode {
  return {
    apiVersion: '',
    kind: 'MachineConfigNode',
    metadata: { name: 'a', uid: 'u', generation, ...(signed && { annotations: { [signedTargetAnnotation]: signed } }) },
    spec: {
      node: { name: 'a' },
      pool: { name: 'web' },
      configVersion: { desired: config },
      update: { phase: 'Applied' },
    },
  };
}

async function keep(signed: string): Promise<void> {
  await writeState(paths.desired, { uid: 'u', generation: 1, envelope: signed, spec });
}

async function load(found: MachineConfigNode | undefined, gate: TargetGate = new RootGate(paths)) {
  return await loadDesired({ node: found, client }, { gate, paths, onStale: () => {}, signal });
}

test('what was kept is desired while the control plane is away', async () => {
  await keep(envelope(1));
  expect(await load(undefined)).toMatchObject({ desired: { config: 'one', generation: 1 }, refusal: undefined });
});

test('a newer statement of the same config is taken, and kept', async () => {
  await keep(envelope(1));
  expect(await load(node(2, envelope(2)))).toMatchObject({ desired: { config: 'one', generation: 2 } });
  expect(await readFile(paths.desired, 'utf8')).toContain('"generation": 2');
});

test.each([
  ['TARGET_UNSIGNED', 'no signature', () => undefined],
  ['TARGET_REPLAYED', 'a statement from before', () => envelope(1)],
  ['TARGET_MISMATCH', 'a config that was changed', () => changed()],
])('%s: %s leaves the host on what it has', async (code, _name, signed) => {
  await keep(envelope(2));
  await load(undefined);
  expect(await load(node(2, signed()))).toMatchObject({ desired: { config: 'one' }, refusal: { code } });
});

/** Of the same digest as what is kept, which is for another host. */
function changed(): string {
  const content = {
    host: 'b',
    pool: 'web',
    config: 'one',
    configDigest: digestConfig(spec),
    phase: 'Applied' as const,
  };
  return signTarget({ ...content, sequence: 9 }, createPrivateKey(keys.privateKey));
}

test('a spec that has changed waits for its signature', async () => {
  await keep(envelope(1));
  const loaded = await load(node(2, envelope(2), 'two'));
  expect(loaded).toMatchObject({ desired: { config: 'one', generation: 1 }, incomplete: false, refusal: undefined });
});

test('a signature by a newer key, or a config that is not there yet, waits for the control plane', async () => {
  await keep(envelope(1));
  const rotated = envelope(2, 'one', rotateSigningKeys(keys));
  expect(await load(node(2, rotated))).toMatchObject({ desired: { config: 'one' }, incomplete: true });
});

test('what is kept counts no more when its key is revoked', async () => {
  await keep(envelope(1));
  await new RootGate(paths).followKeys(rotateSigningKeys(keys, { revoke: true }).chain);
  expect(await load(undefined)).toMatchObject({ desired: undefined, refusal: { code: 'TARGET_UNSIGNED' } });
});

test('a gate that cannot be asked is no refusal', async () => {
  await keep(envelope(1));
  const gone = async () => {
    throw new AgentError('HELPER_UNREACHABLE', 'it is gone');
  };
  await expect(load(undefined, { check: gone, admit: gone, followKeys: gone })).rejects.toMatchObject({
    code: 'HELPER_UNREACHABLE',
  });
});
