// Updates that turn out bad on real OSTree sysroots: the host goes back, says why, and does not try them again.
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directoryBoot } from './boot/boot.ts';
import { OstreeDriver } from './driver/ostree/driver.ts';
import { dataUrl, FixtureHost } from './fixtures/host.ts';
import { bootableContent, FixtureRegistry, withShell } from './fixtures/registry.ts';
import { type FailedTarget, readFailed } from './health/failed-target.ts';
import { OwnNetwork } from './network/network.ts';

let registry: FixtureRegistry;
let images: readonly [good: string, better: string, bad: string];

beforeAll(async () => {
  registry = await FixtureRegistry.start();
  const add = (version: string) => registry.add(withShell(bootableContent(version)));
  images = [add('1'), add('2'), add('bad')];
});
afterAll(async () => await registry[Symbol.asyncDispose]());

/** For what is good; a machine may be busy. */
const health = { deadlineSeconds: 60 };
/** For what is bad, which takes all of it. */
const shortHealth = { deadlineSeconds: 2 };
/** Fails on the image whose version is `bad`; the config comes with it. */
const versionCheck = '#!/bin/sh\nread -r version < /etc/version\necho "version is $version"\n[ "$version" != bad ]\n';

function specOf(image: string, check = versionCheck, path = '/etc/varve/health.d/10-version', text = 'one\n') {
  return {
    osImageURL: image,
    config: {
      ignition: { version: '3.4.0' },
      storage: {
        files: [
          { path, mode: 0o755, contents: { source: dataUrl(check) } },
          { path: '/etc/app.conf', contents: { source: dataUrl(text) } },
        ],
      },
    },
  };
}

async function failedOn(host: FixtureHost): Promise<readonly FailedTarget[]> {
  return await readFailed(host.paths.failed);
}

/** Back on `config`, which was looked at after the boot. */
async function isBackOn(host: FixtureHost, config: string): Promise<boolean> {
  return (await failedOn(host)).length > 0 && (await host.isOn(config));
}

async function driverOf(host: FixtureHost): Promise<OstreeDriver> {
  const { sysroot, paths } = host;
  const boot = directoryBoot(sysroot, paths);
  return new OstreeDriver({
    sysroot,
    stateroot: 'varve',
    paths,
    boot,
    network: new OwnNetwork(async () => undefined, undefined),
  });
}

test('a bad image is taken back with its config, the reason is kept, and it is not tried here again', async () => {
  await using host = await FixtureHost.create(images[0]);
  await host.desire('one', 'Applied', specOf(images[1]), { health });
  await host.converge('one');
  const before = await host.status();

  await host.desire('two', 'Applied', specOf(images[2], versionCheck, undefined, 'two\n'), { health: shortHealth });
  await host.runUntil(() => isBackOn(host, 'one'));
  const after = await host.status();
  expect(after.booted.name).toBe(before.booted.name);
  expect(after.bootId).not.toBe(before.bootId);
  expect(await readFile(join(after.booted.root, 'etc/app.conf'), 'utf8')).toBe('one\n');
  expect(after.drift).toEqual([]);
  expect(host.failures).toContain('HEALTH_FAILED');
  const [failed] = await failedOn(host);
  expect(failed).toMatchObject({
    ...{ config: 'two', image: images[2], code: 'HEALTH_FAILED', check: '/etc/varve/health.d/10-version' },
    ...{ output: 'version is bad', message: expect.stringContaining('ended with status 1') },
  });

  // The same target again, in a new agent and after a new word of the control plane: nothing is tried.
  await host.desire('two', 'Applied', specOf(images[2], versionCheck, undefined, 'two\n'), { health: shortHealth });
  await host.runUntil(async () => {
    await sleep(3_000);
    return true;
  });
  // The deployment that failed goes, and is no way back any more.
  await host.runUntil(async () => {
    const { deployments } = await (await driverOf(host)).status();
    return !deployments.some(({ applied }) => applied?.config === 'two');
  });
  expect((await host.status()).bootId).toBe(after.bootId);
  expect(await failedOn(host)).toEqual([failed]);

  // Another image under the same config is another target.
  await host.desire('two', 'Applied', specOf(images[1], versionCheck, undefined, 'two\n'), { health });
  await host.converge('two');
});

test('a kill between the verdict and the boot ends on the old deployment all the same', async () => {
  await using host = await FixtureHost.create(images[0]);
  await host.desire('one', 'Applied', specOf(images[1]), { health });
  await host.converge('one');
  await host.desire('two', 'Applied', specOf(images[2]), { health: shortHealth });
  await host.runUntil(async () => (await failedOn(host)).length > 0);
  await host.runUntil(() => isBackOn(host, 'one'));
});

test('a wanted check only warns, a check that hangs or floods ends in time', async () => {
  await using host = await FixtureHost.create(images[0]);
  const wanted = '/etc/greenboot/check/wanted.d/10-never';
  await host.desire('one', 'Applied', specOf(images[1], '#!/bin/sh\nexit 1\n', wanted), { health });
  await host.converge('one');
  expect(await failedOn(host)).toEqual([]);

  const scripts = { two: 'echo before; while :; do :; done', three: 'while :; do echo flood; done' };
  for (const [config, script] of Object.entries(scripts)) {
    const check = `#!/bin/sh\n${script}\n`;
    await host.desire(config, 'Applied', specOf(images[1], check), {
      health: { ...shortHealth, checkTimeoutSeconds: 1 },
    });
    await host.runUntil(async () => (await failedOn(host)).some((target) => target.config === config));
    await host.runUntil(() => host.isOn('one'));
  }
  const [hanging, flooding] = await failedOn(host);
  expect(hanging).toMatchObject({ output: 'before', message: expect.stringContaining('did not end within 1 s') });
  expect(flooding?.output).toContain('flood');
  expect(flooding?.output?.length).toBeLessThanOrEqual(4096);
});

test('a managed file that the boot itself changes is as bad as a failed check', async () => {
  await using host = await FixtureHost.create(images[0]);
  await host.desire('one', 'Applied', specOf(images[1]), { health });
  await host.converge('one');
  const vandal = `${versionCheck.replace('echo', 'echo vandal > /etc/app.conf; echo')}`;
  await host.desire('two', 'Applied', specOf(images[1], vandal), { health: shortHealth });
  await host.runUntil(() => isBackOn(host, 'one'));
  expect(await failedOn(host)).toMatchObject([{ code: 'VERIFY_FAILED', config: 'two' }]);
});

test('drift during an update neither stops it nor comes along', async () => {
  await using host = await FixtureHost.create(images[0]);
  await host.desire('one', 'Applied', specOf(images[1]), { health });
  await host.converge('one');
  const { root } = (await host.status()).booted;
  await host.desire('two', 'Applied', specOf(images[0], versionCheck, undefined, 'two\n'), { health });
  let hasArrived = false;
  const updated = host.converge('two').finally(() => {
    hasArrived = true;
  });
  // By hand, again and again.
  while (!hasArrived) {
    await appendFile(join(root, 'etc/app.conf'), 'by hand\n');
    await sleep(5);
  }
  await updated;
  const { booted, drift } = await host.status();
  expect(drift).toEqual([]);
  expect(await readFile(join(booted.root, 'etc/app.conf'), 'utf8')).toBe('two\n');
});

test('a deployment that the boot loader gave up is not tried again', async () => {
  await using host = await FixtureHost.create(images[0]);
  await host.desire('one', 'Applied', specOf(images[1]), { health });
  await host.converge('one');
  const before = await host.status();
  await host.desire('two', 'Applied', specOf(images[0]), { health });
  expect(await host.runOnce()).toBe('reboot');
  // The kernel panics until the boot loader takes the second entry.
  await rm(host.paths.bootRequested, { force: true });
  const booted = { deployment: before.booted.name, kernelArguments: before.kernelArguments, bootId: 'after-the-panic' };
  await writeFile(host.paths.booted, JSON.stringify({ ...booted, fellBack: true }));
  await host.runUntil(() => isBackOn(host, 'one'));
  expect(await failedOn(host)).toMatchObject([{ code: 'BOOT_FELL_BACK', config: 'two', image: images[0] }]);
  const host2 = await (await driverOf(host)).status();
  expect(host2.deployments[0]?.name).toBe(before.booted.name);
  expect(host2.bootId).toBe('after-the-panic');
});

test('without a way back the host stays, tells, and is good as soon as it is', async () => {
  await using host = await FixtureHost.create(images[0]);
  await host.desire('one', 'Applied', specOf(images[1]), { health });
  await host.converge('one');
  const { root } = (await host.status()).booted;
  await writeFile(join(root, 'etc/version'), 'bad\n');
  // A later boot of a proven deployment: no update is to blame.
  await (await driverOf(host)).reboot(new AbortController().signal);
  await host.desire('one', 'Applied', specOf(images[1]), { health: shortHealth });
  await host.runUntil(async () => host.failures.includes('HEALTH_FAILED'));
  expect(await failedOn(host)).toEqual([]);
  await writeFile(join(root, 'etc/version'), '2\n');
  await host.converge('one');
});
