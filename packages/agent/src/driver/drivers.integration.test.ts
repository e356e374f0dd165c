// The contract of all drivers, and what bootc and rpm-ostree are told while they keep it: exactly these words.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentError } from '../error.ts';
import { FakeTools } from '../fixtures/fake-tools.ts';
import { baseKernelArguments } from '../fixtures/host.ts';
import { bootableContent, FixtureRegistry } from '../fixtures/registry.ts';
import {
  createToolHost,
  type OpenTool,
  openBootc,
  openNone,
  openRpmOstree,
  stage,
  type ToolHost,
  update,
} from '../fixtures/tool-host.ts';
import { LocalHost } from '../local/local-host.ts';
import { selftest } from '../local/selftest.ts';
import { stateDirectoryOf, statePaths } from '../state/paths.ts';
import { driverContract } from './contract.ts';

const { signal } = new AbortController();
let registry: FixtureRegistry;
let images: string[];

beforeAll(async () => {
  registry = await FixtureRegistry.start();
  images = [1, 2, 3].map((n) =>
    registry.add(
      bootableContent(String(n), {
        'usr/lib/bootc/kargs.d/10-image.toml': `kargs = ["image=${n}"]\n`,
        'usr/share/rpm/rpmdb.sqlite': '',
      }),
    ),
  );
});
afterAll(async () => await registry[Symbol.asyncDispose]());

const open = (tool: OpenTool, kernelArguments = baseKernelArguments) => createToolHost(images, tool, kernelArguments);

driverContract('ostree', () => open(openNone), baseKernelArguments);
driverContract('bootc', () => open(openBootc, [...baseKernelArguments, 'image=1']), baseKernelArguments);
driverContract('rpm-ostree', () => open(openRpmOstree), baseKernelArguments);

describe('bootc', () => {
  test('is told to fetch, and what it staged is taken away', async () => {
    await using host = await open(openBootc);
    await stage(host, { osImageURL: host.image(2) });
    expect(await host.tools.takeCalls()).toEqual([
      `bootc switch --quiet --transport registry --retain ${host.image(2)}`,
      'ostree admin undeploy 0',
    ]);
    expect(await host.tools.isStaged()).toBe(false);
  });

  test('fetches nothing that is deployed already', async () => {
    await using host = await open(openBootc);
    await update(host, { kernelArguments: ['quiet'] });
    expect(await host.tools.takeCalls()).toEqual([]);
  });

  test('goes on verifying by policy where the host does', async () => {
    await using host = await open(openBootc);
    const { booted } = await host.driver.status(signal);
    const reference = `ostree-image-signed:docker://${host.image(2).replace(/@.*/, '')}@sha256:${'1'.repeat(64)}`;
    await writeFile(`${booted.root}.origin`, `[origin]\ncontainer-image-reference=${reference}\n`);
    await update(host, { osImageURL: host.image(2) });
    expect((await host.tools.takeCalls())[0]).toBe(
      `bootc switch --quiet --transport registry --retain --enforce-container-sigpolicy ${host.image(2)}`,
    );
    // So that the next update by hand does so too.
    await update(host, { osImageURL: host.image(3) }, 'two');
    expect((await host.tools.takeCalls())[0]).toContain('--enforce-container-sigpolicy');
  });

  test('rolls back by its own verb', async () => {
    await using host = await open(openBootc);
    await update(host, { osImageURL: host.image(2) });
    await host.tools.takeCalls();
    await host.driver.rollback(signal);
    expect(await host.tools.takeCalls()).toEqual(['bootc rollback']);
  });

  test('an update by hand shows as the next boot, and is taken away when it is not wanted', async () => {
    await using host = await open(openBootc);
    const { booted } = await host.driver.status(signal);
    await host.tools.run('bootc', ['switch', '--quiet', '--transport', 'registry', '--retain', host.image(3)], {
      signal,
    });
    const [next] = (await host.driver.status(signal)).deployments;
    expect(next).toMatchObject({ image: host.image(3), applied: undefined });
    await host.driver.setNextBoot(booted.name, signal);
    expect((await host.driver.status(signal)).deployments).toMatchObject([{ name: booted.name }]);
  });

  test('has no packages beside the image', async () => {
    await using host = await open(openBootc);
    const staging = stage(host, { osImageURL: host.image(2), extensions: ['usbguard'] });
    await expect(staging).rejects.toMatchObject({ code: 'CONFIG_UNSUPPORTED' });
    expect(await host.tools.takeCalls()).toEqual([]);
  });

  test.each([
    ['1.0.2', 'bootc 1.0.2'],
    ['none', 'unknown version'],
  ])('of version %s is refused', async (version, said) => {
    await using host = await open(openNone);
    await using old = await createVersions(host, { bootc: version });
    await expect(openBootc(old.tools)).rejects.toMatchObject({
      code: 'DRIVER_UNSUITABLE',
      message: expect.stringContaining(said),
    });
  });
});

describe('rpm-ostree', () => {
  test('is told to fetch and to lock it, and what it staged is taken away', async () => {
    await using host = await open(openRpmOstree);
    await stage(host, { osImageURL: host.image(2) });
    expect(await host.tools.takeCalls()).toEqual([
      `rpm-ostree rebase --lock-finalization ostree-unverified-registry:${host.image(2)}`,
      'rpm-ostree cleanup --pending',
    ]);
    expect(await host.tools.isStaged()).toBe(false);
  });

  test('brings packages along with the image, keeps them, and takes them away', async () => {
    await using host = await open(openRpmOstree);
    await update(host, { osImageURL: host.image(2), extensions: ['usbguard'] });
    expect((await host.tools.takeCalls())[0]).toBe(
      `rpm-ostree rebase --lock-finalization --install=usbguard ostree-unverified-registry:${host.image(2)}`,
    );
    expect((await host.driver.status(signal)).booted.imageDigest).toBe(host.image(2).split('@')[1]);
    await update(host, { osImageURL: host.image(2), extensions: ['usbguard'], kernelArguments: ['quiet'] }, 'two');
    expect(await host.tools.takeCalls()).toEqual([]);
    await update(host, { osImageURL: host.image(3), extensions: ['git'] }, 'three');
    expect((await host.tools.takeCalls())[0]).toBe(
      `rpm-ostree rebase --lock-finalization --install=git --uninstall=usbguard ostree-unverified-registry:${host.image(3)}`,
    );
    await update(host, { osImageURL: host.image(3) }, 'four');
    expect((await host.tools.takeCalls())[0]).toBe('rpm-ostree uninstall --lock-finalization --assumeyes git');
  });

  test('changes the kernel, and back', async () => {
    await using host = await open(openRpmOstree);
    await update(host, { osImageURL: host.image(2), kernelType: 'realtime' });
    expect(await host.tools.takeCalls()).toEqual([
      `rpm-ostree rebase --lock-finalization ostree-unverified-registry:${host.image(2)}`,
      'rpm-ostree override remove --lock-finalization kernel kernel-core kernel-modules --install=kernel-rt-core --install=kernel-rt-modules',
      'rpm-ostree cleanup --pending',
    ]);
    await update(host, { osImageURL: host.image(2) }, 'two');
    expect(await host.tools.takeCalls()).toEqual([
      'rpm-ostree override reset --lock-finalization --uninstall=kernel-rt-core --uninstall=kernel-rt-modules kernel kernel-core kernel-modules',
      'rpm-ostree cleanup --pending',
    ]);
  });

  test('a package that cannot be had leaves nothing staged', async () => {
    await using host = await open(openRpmOstree);
    const missing = { osImageURL: `${host.image(2).replace(/@.*/, '')}@sha256:${'0'.repeat(64)}` };
    await expect(stage(host, missing)).rejects.toMatchObject({ code: 'HOST_COMMAND_FAILED' });
    expect(await host.tools.isStaged()).toBe(false);
  });

  test('rolls back by its own verb', async () => {
    await using host = await open(openRpmOstree);
    await update(host, { osImageURL: host.image(2) });
    await host.tools.takeCalls();
    await host.driver.rollback(signal);
    expect(await host.tools.takeCalls()).toEqual(['rpm-ostree rollback']);
  });

  test('a change by hand is taken away when it is not wanted', async () => {
    await using host = await open(openRpmOstree);
    const { booted } = await host.driver.status(signal);
    await host.tools.run('rpm-ostree', ['install', '--lock-finalization', 'vim'], { signal });
    await host.driver.setNextBoot(booted.name, signal);
    expect(await host.tools.isStaged()).toBe(false);
  });

  test('a host that another program updates as well is left to it, and says what to do', async () => {
    const driven: OpenTool = ({ run, stagedPath }) =>
      openRpmOstree({
        stagedPath,
        run: async (file, args, options) => {
          if (args[0] !== 'rebase') return await run(file, args, options);
          const said = 'error: Updates and deployments are driven by Zincati (zincati.service)';
          throw new AgentError('HOST_COMMAND_FAILED', `\`rpm-ostree rebase\` failed: ${said}`);
        },
      });
    await using host = await open(driven);
    await expect(stage(host, { osImageURL: host.image(2) })).rejects.toMatchObject({
      code: 'DRIVER_UNSUITABLE',
      message: expect.stringContaining('systemctl disable --now'),
    });
  });

  test('too old a version is refused', async () => {
    await using host = await open(openNone);
    await using old = await createVersions(host, { 'rpm-ostree': '2021.5' });
    await expect(openRpmOstree(old.tools)).rejects.toMatchObject({ code: 'DRIVER_UNSUITABLE' });
  });
});

describe.each(['bootc', 'rpm-ostree'] as const)('the self-test on a host with %s', (driver) => {
  const openLocal = ({ sysroot, tools: { run, stagedPath } }: ToolHost) =>
    LocalHost.open({ sysroot, driver, run, stagedPath, registry: { insecure: true }, signal });
  const look = async (host: ToolHost, local: LocalHost, write: string | undefined) => {
    const hooks = { onProgress: () => {}, onStep: () => {}, onFinding: () => {} };
    const findings = await selftest(local, { ...hooks, sysroot: host.sysroot, write, signal });
    return findings.filter(({ passed }) => !passed).map(({ check }) => check);
  };

  test('passes, and leaves nothing behind', async () => {
    await using host = await open(openNone);
    using local = await openLocal(host);
    const before = await local.status();
    expect(await look(host, local, host.image(2))).toEqual([]);
    expect((await local.status()).deployments).toEqual(before.deployments);
    expect(await host.tools.isStaged()).toBe(false);
  });

  test('only looks unless it is told to write', async () => {
    await using host = await open(openNone);
    const byHand = {
      bootc: ['switch', '--quiet', '--transport', 'registry', '--retain', host.image(3)],
      'rpm-ostree': ['rebase', '--lock-finalization', `ostree-unverified-registry:${host.image(3)}`],
    };
    await host.tools.run(driver, byHand[driver], { signal });
    await host.tools.takeCalls();
    using local = await openLocal(host);
    // What is locked does not boot by itself.
    expect(await look(host, local, undefined)).toEqual(driver === 'bootc' ? ['nothing staged by others'] : []);
    expect(await host.tools.isStaged()).toBe(true);
    expect(await host.tools.takeCalls()).toEqual([]);
  });
});

test('a tool that is not there is said so', async () => {
  await using host = await open(openNone);
  await using bare = await createVersions(host, {});
  await expect(openBootc(bare.tools)).rejects.toMatchObject({
    code: 'DRIVER_UNSUITABLE',
    message: expect.stringContaining('has no bootc'),
  });
});

async function createVersions(
  { sysroot }: ToolHost,
  installed: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { readonly tools: FakeTools }> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-tools-'));
  const tools = await FakeTools.create(directory, { sysroot, paths: statePaths(stateDirectoryOf(sysroot)) }, installed);
  return { tools, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}
