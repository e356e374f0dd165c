// A host that nobody but its administrator changes: real OSTree, one sysroot for the whole story.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineConfigSpec } from '@varve/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { baseKernelArguments, FixtureHost } from '../fixtures/host.ts';
import { bootableContent, FixtureRegistry } from '../fixtures/registry.ts';
import { createHost } from '../host.ts';
import { LocalHost, type LocalPlan } from './local-host.ts';
import { type Finding, selftest } from './selftest.ts';

const { signal } = new AbortController();
const hooks = { onProgress: () => {}, onStep: () => {} };
let registry: FixtureRegistry;
let images: string[];
let fixture: FixtureHost;

beforeAll(async () => {
  registry = await FixtureRegistry.start();
  images = ['1', '2'].map((version) => registry.add(bootableContent(version)));
  fixture = await FixtureHost.create(images[0] ?? '');
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const open = () => LocalHost.open({ sysroot: fixture.sysroot, registry: { insecure: true }, signal });

async function change(plan: (host: LocalHost) => Promise<LocalPlan>): Promise<LocalPlan> {
  using host = await open();
  const planned = await plan(host);
  await host.apply(planned, hooks);
  await host.reboot();
  return planned;
}

test('another image, kernel arguments, the way back: each goes on from what runs', async () => {
  const rebased = await change((host) => host.planImage(images[1] ?? ''));
  expect(rebased).toMatchObject({ image: images[1], isDone: false });
  expect(rebased.bytes).toBeGreaterThan(0);
  await change((host) => host.planKernelArguments({ append: ['quiet'], remove: ['rw'] }));
  {
    using host = await open();
    const { booted, bootedKernelArguments } = await host.status();
    expect(bootedKernelArguments).toEqual(['root=LABEL=root', 'quiet']);
    expect(booted.imageDigest).toBe(images[1]?.split('@')[1]);
    await host.confirm();
    expect((await host.status()).probation).toBeUndefined();
    await host.rollback();
    await host.reboot();
  }
  const again = await change((host) => host.planKernelArguments({ append: ['debug'], remove: [] }));
  // The deployment that it went back to never had `quiet`.
  expect(again.kernelArguments).toEqual([...baseKernelArguments, 'debug']);
  expect(again.image).toBe(images[1]);
});

test('what runs already needs no change', async () => {
  using host = await open();
  expect(await host.planImage(images[1] ?? '')).toMatchObject({ bytes: 0, isDone: true });
  expect((await host.planKernelArguments({ append: ['debug'], remove: [] })).isDone).toBe(true);
  await host.collectGarbage();
  expect((await host.status()).deployments).toHaveLength(2);
});

test('one hand on a host', async () => {
  using _host = await open();
  await expect(open()).rejects.toMatchObject({ code: 'AGENT_RUNNING' });
});

test('what the control plane configured comes along, while the host knows what it was', async () => {
  const file = { path: '/etc/motd', contents: { source: 'data:,managed' } };
  const spec: MachineConfigSpec = {
    osImageURL: images[0] ?? '',
    config: { ignition: { version: '3.4.0' }, storage: { files: [file] } },
  };
  await fixture.desire('rendered-1', 'Applied', spec);
  await fixture.converge('rendered-1');
  const plan = await change((host) => host.planKernelArguments({ append: ['quiet'], remove: [] }));
  expect(plan.spec.config).toMatchObject(spec.config ?? {});
  using host = await open();
  expect((await host.status()).booted.applied?.entries).toMatchObject([{ path: '/etc/motd' }]);
  expect(await host.server()).toBe('https://127.0.0.1:9');
});

test('drift is what differs from what was applied', async () => {
  using host = await open();
  expect(await host.drift()).toEqual([]);
  const { booted } = await host.status();
  await writeFile(join(booted.root, 'etc/motd'), 'mine');
  expect(await host.drift()).toMatchObject([{ path: '/etc/motd', kind: 'Content' }]);
  const findings = await selftest(host, {
    ...hooks,
    sysroot: fixture.sysroot,
    write: undefined,
    signal,
    onFinding: () => {},
  });
  expect(failing(findings)).toEqual([expect.stringMatching(/^drift: .*motd/)]);
  await writeFile(join(booted.root, 'etc/motd'), 'managed');
});

test('a self-test makes an update and takes it back', async () => {
  using host = await open();
  await host.collectGarbage();
  const before = await host.status();
  const write = images[1];
  const findings = await selftest(host, { ...hooks, sysroot: fixture.sysroot, write, signal, onFinding: () => {} });
  expect(failing(findings)).toEqual([]);
  expect(findings.map(({ check }) => check)).toEqual(expect.arrayContaining(['stage', 'apply', 'undo']));
  const after = await host.status();
  expect(after.deployments.map(({ name }) => name)).toEqual(before.deployments.map(({ name }) => name));
  const missing = `${write?.split('@')[0]}@sha256:${'0'.repeat(64)}`;
  await expect(host.planImage(missing)).rejects.toThrow();
});

test('a host that has never been told anything is looked at as well', async () => {
  await using other = await FixtureHost.create(images[0] ?? '');
  await createHost({
    sysroot: other.sysroot,
    image: images[0] ?? '',
    kernelArguments: [],
    registry: { insecure: true },
  });
  using host = await LocalHost.open({ sysroot: other.sysroot, registry: { insecure: true }, signal });
  const findings = await selftest(host, {
    ...hooks,
    sysroot: other.sysroot,
    write: undefined,
    signal,
    onFinding: () => {},
  });
  expect(failing(findings)).toEqual([]);
});

function failing(findings: readonly Finding[]): string[] {
  return findings.filter(({ passed }) => !passed).map(({ check, detail }) => `${check}: ${detail}`);
}
