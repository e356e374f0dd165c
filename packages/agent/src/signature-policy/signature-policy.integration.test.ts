// Images are held to the signature policy that an update brings, else to the host's own, before a layer is fetched.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineConfigSpec } from '@varve/api';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { dataUrl, FixtureHost } from '../fixtures/host.ts';
import { bootableContent, FixtureRegistry } from '../fixtures/registry.ts';
import { Signer } from '../fixtures/signer.ts';
import { LocalHost } from '../local/local-host.ts';

const policyPath = '/etc/containers/policy.json';
const signer = new Signer();
const stranger = new Signer();
let registry: FixtureRegistry;
let base: string;
let signed: string;
let unsigned: string;
let host: FixtureHost;

beforeAll(async () => {
  registry = await FixtureRegistry.start();
  base = registry.add(bootableContent('1'));
  signed = registry.add(bootableContent('2'));
  unsigned = registry.add(bootableContent('3'));
  registry.attach(signed, signer.sign(signed));
});
afterAll(() => registry[Symbol.asyncDispose]());

beforeEach(async () => {
  host = await FixtureHost.create(base);
  registry.requests.length = 0;
  return () => host[Symbol.asyncDispose]();
});

function specOf(osImageURL: string, files: Readonly<Record<string, string>> = {}): MachineConfigSpec {
  const list = Object.entries(files).map(([path, text]) => ({ path, contents: { source: dataUrl(text) } }));
  return { osImageURL, config: { ignition: { version: '3.4.0' }, storage: { files: list } } };
}

const withPolicy = (image: string, policy = signer.policyFor(registry.host)) => specOf(image, { [policyPath]: policy });

async function refused(config: string): Promise<void> {
  await host.runUntil(async () => host.failures.length > 0);
  const { booted, next } = await host.status();
  expect({ booted: booted.applied?.config, next: next?.name }).not.toMatchObject({ booted: config });
  expect(next?.name).toBe(booted.name);
}

/** A layer is the largest blob of an image here; its digest stands in the manifest. */
function layerOf(image: string): string {
  const manifest: unknown = JSON.parse(registry.read(image.split('@')[1] ?? '').toString('utf8'));
  return /"layers":.*?(sha256:[0-9a-f]{64})/.exec(JSON.stringify(manifest))?.[1] ?? '';
}

describe('a policy in the config that the host is to get', () => {
  test('lets a signed image through', async () => {
    await host.desire('signed', 'Applied', withPolicy(signed));
    await host.converge('signed');
  });

  test('refuses an unsigned one before a layer is fetched, and asks the registry once', async () => {
    await host.desire('unsigned', 'Applied', withPolicy(unsigned));
    await refused('unsigned');
    expect(host.failures).toEqual(['SIGNATURE_REJECTED']);
    expect(registry.requests).not.toContain(layerOf(unsigned));
  });

  test('refuses what another key has signed', async () => {
    await host.desire('stranger', 'Applied', withPolicy(signed, stranger.policyFor(registry.host)));
    await refused('stranger');
    expect(host.failures).toEqual(['SIGNATURE_REJECTED']);
  });

  test('takes its keys from files that the config brings, too', async () => {
    const keyPath = '/etc/pki/images.pub';
    const policy = signer.policyFor(registry.host, { keyPath });
    await host.desire('key', 'Applied', specOf(signed, { [policyPath]: policy, [keyPath]: signer.publicKey }));
    await host.converge('key');
  });

  test('that cannot be read accepts nothing', async () => {
    await host.desire('broken', 'Applied', withPolicy(signed, '{"default":[]}'));
    await refused('broken');
    expect(host.failures[0]).toBe('SIGNATURE_POLICY_INVALID');
  });

  test('cannot be dodged by staging before it, and is taken by a host whose own image it refuses', async () => {
    await host.desire('early', 'Staged', specOf(unsigned));
    await host.runUntil(async () => (await readStaged()) === 'early');
    await host.desire('policy', 'Applied', withPolicy(base));
    await host.converge('policy');
    await host.desire('late', 'Applied', withPolicy(unsigned));
    await refused('late');
    expect(host.failures).toEqual(['SIGNATURE_REJECTED']);
  });

  test('lets no image through that ran while it was staged and does no longer', async () => {
    await host.desire('before', 'Applied', specOf(unsigned));
    await host.converge('before');
    await host.desire('again', 'Staged', withPolicy(unsigned));
    await host.runUntil(async () => (await readStaged()) === 'again');
    {
      using local = await LocalHost.open({ sysroot: host.sysroot, signal: AbortSignal.timeout(60_000) });
      await local.rollback();
      await local.reboot();
    }
    expect((await host.status()).booted.image).toBe(base);
    await host.desire('again', 'Applied', withPolicy(unsigned));
    await host.runUntil(async () => host.failures.includes('SIGNATURE_REJECTED'));
    expect(host.failures).toEqual(['STATE_CORRUPT', 'SIGNATURE_REJECTED']);
  });

  test('is read from a file, and never from a link', async () => {
    const spec = specOf(signed);
    const storage = { links: [{ path: policyPath, target: '/tmp/policy.json' }] };
    await host.desire('link', 'Applied', { ...spec, config: { ignition: { version: '3.4.0' }, storage } });
    await refused('link');
    expect(host.failures[0]).toBe('CONFIG_UNSUPPORTED');
  });
});

describe('the policy of the host itself', () => {
  async function writeOwn(policy: string): Promise<void> {
    const { booted } = await host.status();
    await mkdir(join(booted.root, 'etc/containers'), { recursive: true });
    await writeFile(join(booted.root, policyPath), policy);
  }

  test('holds where the config brings none', async () => {
    await writeOwn(signer.policyFor(registry.host));
    await host.desire('unsigned', 'Applied', specOf(unsigned));
    await refused('unsigned');
    expect(host.failures).toEqual(['SIGNATURE_REJECTED']);
  });

  test('holds for a config that takes the policy away with the image', async () => {
    await host.desire('policy', 'Applied', withPolicy(signed));
    await host.converge('policy');
    await host.desire('without', 'Applied', specOf(unsigned));
    await refused('without');
    expect(host.failures).toEqual(['SIGNATURE_REJECTED']);
  });

  test('that changes after a stage has the image staged again', async () => {
    await host.desire('next', 'Staged', specOf(unsigned));
    await host.runUntil(async () => (await readStaged()) === 'next');
    await writeOwn(signer.policyFor(registry.host));
    await host.desire('next', 'Applied', specOf(unsigned));
    await host.runUntil(async () => host.failures.includes('SIGNATURE_REJECTED'));
    expect(host.failures).toEqual(['STATE_CORRUPT', 'SIGNATURE_REJECTED']);
    expect((await host.status()).next?.applied?.config).toBeUndefined();
  });

  test('of a scope that the image is not in asks nothing', async () => {
    await writeOwn(signer.policyFor('elsewhere.example'));
    await host.desire('elsewhere', 'Applied', specOf(unsigned));
    await host.converge('elsewhere');
  });

  test('is obeyed by `varve host rebase`', async () => {
    await writeOwn(signer.policyFor(registry.host));
    const signal = AbortSignal.timeout(60_000);
    using local = await LocalHost.open({ sysroot: host.sysroot, registry: { insecure: true }, signal });
    const hooks = { onProgress: () => {}, onStep: () => {} };
    const rejected = local.apply(await local.planImage(unsigned), hooks);
    await expect(rejected).rejects.toMatchObject({ code: 'SIGNATURE_REJECTED' });
    await local.apply(await local.planImage(signed), hooks);
    expect((await local.status()).deployments[0]?.image).toBe(signed);
  });
});

async function readStaged(): Promise<string | undefined> {
  const text = await readFile(host.paths.staged, 'utf8').catch(() => '{}');
  return /"config":\s*"([^"]+)"/.exec(text)?.[1];
}
