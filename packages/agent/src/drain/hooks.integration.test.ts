// Drain hooks on real OSTree sysroots: before what disrupts the host, not before what does not, and within their time.
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DisruptionPolicy, MachineConfigSpec } from '@varve/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directoryBoot } from '../boot/boot.ts';
import { openDriver } from '../driver/open.ts';
import { dataUrl, FixtureHost } from '../fixtures/host.ts';
import { bootableContent, FixtureRegistry, withShell } from '../fixtures/registry.ts';
import { trustLocally } from '../helper/verify.ts';
import { fromWire, toWire } from '../helper/wire-error.ts';
import { OwnNetwork } from '../network/network.ts';
import { failureOf } from '../report/failure.ts';
import { drainHooks, runDrainHooks } from './hooks.ts';

const { signal } = new AbortController();
let registry: FixtureRegistry;
let base: string;
beforeAll(async () => {
  registry = await FixtureRegistry.start();
  base = registry.add(withShell(bootableContent('1')));
});
afterAll(async () => await registry[Symbol.asyncDispose]());

const disruption: DisruptionPolicy = {
  files: [
    { path: '/etc/quiet', actions: [{ type: 'None' }] },
    { path: '/etc/busy', actions: [{ type: 'Drain' }] },
  ],
};

function specOf(files: Readonly<Record<string, string>>): MachineConfigSpec {
  const entries = Object.entries(files).map(([path, text]) => {
    return { path, mode: path.startsWith(drainHooks) ? 0o755 : 0o644, contents: { source: dataUrl(text) } };
  });
  return { osImageURL: base, config: { ignition: { version: '3.4.0' }, storage: { files: entries } } };
}

/** A driver on the host, and how its hooks were called so far. */
async function open(host: FixtureHost) {
  const { sysroot, paths } = host;
  const network = new OwnNetwork(async () => undefined, undefined);
  const boot = directoryBoot(sysroot, paths);
  const { driver } = await openDriver({ sysroot, paths, boot, network, signal });
  const calls = async () => {
    const { booted } = await host.status();
    return await readFile(join(booted.root, 'etc/calls'), 'utf8').catch(() => '');
  };
  const targetOf = (config: string, files: Readonly<Record<string, string>>, drain?: { timeoutSeconds: number }) => {
    const spec = specOf(files);
    return trustLocally({ config, image: base, spec, disruption, drain });
  };
  return { driver, calls, targetOf };
}

const hook = { [`${drainHooks}/10-leave`]: '#!/bin/sh\necho leaving >> /etc/calls\n' };

test('hooks run before a boot and before what drains, and before nothing else', async () => {
  await using host = await FixtureHost.create(base);
  await host.desire('one', 'Applied', specOf(hook), { disruption });
  await host.converge('one');
  const { driver, calls, targetOf } = await open(host);
  // They came with the update itself: it had none to run.
  expect(await calls()).toBe('');
  const steps: string[] = [];
  const apply = async (config: string, files: Readonly<Record<string, string>>, how: 'apply' | 'applyLive') => {
    const target = targetOf(config, { ...hook, ...files });
    await driver.stage({ target, signal, onProgress: () => {} });
    await driver[how]({ target, signal, onStep: (step) => steps.push(step) });
  };
  await apply('two', { '/etc/quiet': 'x' }, 'applyLive');
  await driver.markGood(signal);
  expect(await calls()).toBe('');
  await apply('three', { '/etc/quiet': 'x', '/etc/busy': 'x' }, 'applyLive');
  await driver.markGood(signal);
  expect(await calls()).toBe('leaving\n');
  await apply('four', { '/etc/quiet': 'x', '/etc/busy': 'x', '/etc/other': 'x' }, 'apply');
  expect(await calls()).toBe('leaving\nleaving\n');
  expect(steps).toContain(`draining: ${drainHooks}/10-leave`);
});

test('a hook that fails leaves the host as it is, and its words reach the status', async () => {
  await using host = await FixtureHost.create(base);
  const failing = { [`${drainHooks}/20-fail`]: '#!/bin/sh\necho the database is busy\nexit 3\n' };
  await host.desire('one', 'Applied', specOf({ ...hook, ...failing }), { disruption });
  await host.converge('one');
  const { driver, calls, targetOf } = await open(host);
  const before = await driver.status(signal);
  const target = targetOf('two', { '/etc/other': 'x' });
  await driver.stage({ target, signal, onProgress: () => {} });
  const error = await driver.apply({ target, signal, onStep: () => {} }).catch((reason: unknown) => reason);
  // As the network side gets it from the helper.
  expect(failureOf(fromWire(toWire(error)))).toMatchObject({
    code: 'DRAIN_FAILED',
    message: expect.stringContaining('ended with status 3'),
    check: `${drainHooks}/20-fail`,
    output: 'the database is busy',
  });
  expect(await calls()).toBe('leaving\n');
  const after = await driver.status(signal);
  expect(after.deployments.map(({ name }) => name)).toEqual(before.deployments.map(({ name }) => name));
  expect(after.failed).toEqual([]);
});

test('an agent tries again until the hook lets it', async () => {
  await using host = await FixtureHost.create(base);
  const waiting = { [`${drainHooks}/20-wait`]: '#!/bin/sh\ntest -e /etc/empty\n' };
  await host.desire('one', 'Applied', specOf(waiting), { disruption });
  await host.converge('one');
  await host.desire('two', 'Applied', specOf({ ...waiting, '/etc/other': 'x' }), { disruption });
  const { booted } = await host.status();
  await host.runUntil(async () => host.failures.includes('DRAIN_FAILED'));
  expect((await host.status()).booted.applied?.config).toBe('one');
  await writeFile(join(booted.root, 'etc/empty'), '');
  await host.converge('two');
});

test('all hooks together have the time of the pool, and one that is no executable fails', async () => {
  await using host = await FixtureHost.create(base);
  const { booted } = await host.status();
  const run = () => runDrainHooks({ booted, policy: { timeoutSeconds: 1 }, signal, onStep: () => {} });
  await run();
  const write = async (text: string, mode: number) => {
    const path = join(booted.root, drainHooks, '10-slow');
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    await chmod(path, mode);
  };
  await write('#!/bin/sh\nwhile :; do :; done\n', 0o755);
  await expect(run()).rejects.toThrow(/10-slow did not end within/);
  await write('', 0o644);
  await expect(run()).rejects.toThrow(/10-slow is not executable/);
});
