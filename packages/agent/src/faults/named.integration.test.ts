// Faults that have a name. Two agents at once: agent.integration.test.ts; clients that are not the agent:
// helper/takeover.integration.test.ts; a control plane that is gone, and a certificate that expired: e2e/agent.test.ts.
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootDirectory } from '../boot/boot.ts';
import type { FixtureHost } from '../fixtures/host.ts';
import type { Fault } from './fault.ts';
import { isReached } from './goal.ts';
import { LoopDevice } from './loop-device.ts';
import type { RunningProcess } from './process.ts';
import { startAgent } from './run.ts';
import { type ScenarioName, scenarioNames } from './scenario.ts';
import { readNextBoot } from './snapshot.ts';
import { FaultSuite, type Traced } from './suite.ts';

const updates = ['stage', 'live-apply', 'reboot-apply'] as const;
const deployments = 'ostree/deploy/varve/deploy';

let suite: FaultSuite;
beforeAll(async () => {
  suite = await FaultSuite.create(scenarioNames);
});
afterAll(async () => await suite?.[Symbol.asyncDispose]());

async function expectOld({ sysroot }: FixtureHost, { expected }: Traced): Promise<void> {
  expect((await readNextBoot(sysroot)).lines).toEqual(expected.old.lines);
}

/** Gets to the goal by itself, and nothing of what happened on the way is left. */
async function expectGoal(host: FixtureHost, { scenario, expected }: Traced): Promise<void> {
  await host.runUntil(() => isReached(host.sysroot, scenario.goal));
  expect((await readNextBoot(host.sysroot)).lines).toEqual(expected.end.lines);
  expect((await host.status()).drift).toEqual([]);
  await spawn('ostree', ['fsck', '--quiet', `--repo=${join(host.sysroot, 'ostree/repo')}`]);
}

async function makeDirectory(): Promise<string> {
  return await mkdtemp(join(suite.directory, 'named-'));
}

/** Number of the first call whose line has this in it. */
function callOf({ calls }: Traced, pattern: RegExp): number {
  const index = calls.findIndex((line) => pattern.test(line));
  expect(index, `a call like ${pattern}`).toBeGreaterThan(-1);
  return index;
}

/** Runs an agent that waits at a call while something else happens. */
async function during(
  host: FixtureHost,
  { scenario }: Traced,
  at: number,
  act: () => Promise<void>,
  then: (agent: RunningProcess) => Promise<void> = async () => {},
): Promise<string> {
  const fault: Fault = { kind: 'hold', at };
  const { sysroot } = host;
  // Beside the host, whose file system may break.
  const trace = join(suite.directory, `${randomUUID()}.trace`);
  const agent = startAgent({ agent: suite.agent, sysroot, goal: scenario.goal, fault, trace });
  try {
    await agent.meetsFault();
    await act();
    await agent.release();
    await then(agent);
    return (await agent.ended).how;
  } finally {
    agent.kill();
  }
}

describe('a disk that is full', () => {
  test.concurrent.each(updates)(
    'during %s: the host stays what it is, says so, and goes on when there is room',
    async (name) => {
      const traced = suite.find(name);
      const directory = await makeDirectory();
      await using device = await LoopDevice.create(directory, 64);
      for (const blocks of [0, 12]) {
        const host = await traced.scenario.template.copyTo(join(directory, `host-${blocks}`));
        await device.fill(blocks);
        // With some room it may come through.
        const comesThrough = async () => blocks > 0 && (await isReached(host.sysroot, traced.scenario.goal));
        await host.runUntil(async () => host.failures.includes('DISK_FULL') || (await comesThrough()));
        if (blocks === 0) await expectOld(host, traced);
        else await readNextBoot(host.sysroot);
        await device.empty();
        await expectGoal(host, traced);
        await host[Symbol.asyncDispose]();
      }
    },
  );
});

test.concurrent.each(updates)(
  'a file system that becomes read-only during %s: the host goes on at its next boot',
  async (name) => {
    const traced = suite.find(name);
    const directory = await makeDirectory();
    await using device = await LoopDevice.create(directory, 64);
    for (const part of [0.3, 0.8]) {
      const host = await traced.scenario.template.copyTo(join(directory, `host-${part}`));
      // What is lost from here on is the agent's.
      await spawn('sync', ['--file-system', directory]);
      const at = Math.floor(traced.calls.length * part);
      const inVain = async (agent: RunningProcess) => {
        // It meets the error, and tries again.
        await sleep(3_000);
        agent.kill();
      };
      await during(host, traced, at, () => device.break(), inVain);
      expect(await isReached(host.sysroot, traced.scenario.goal)).toBe(false);
      await device.repair();
      await expectGoal(host, traced);
      await host[Symbol.asyncDispose]();
    }
  },
);

const year = 365 * 24 * 60 * 60_000;
test.concurrent.each(scenarioNames)(
  'a clock that jumps years in the middle of %s changes nothing',
  async (name: ScenarioName) => {
    const traced = suite.find(name);
    for (const [part, years] of [
      [0, -50],
      [0.3, 40],
      [0.7, -20],
    ] as const) {
      // Then no certificate is due, and none is good either.
      if (name === 'renewal' && years < 0) continue;
      const fault: Fault = { kind: 'clock', at: Math.floor(traced.calls.length * part), milliseconds: years * year };
      await suite.run(traced, [{ fault, powerCut: false }]);
    }
  },
);

test('a kill between the making of a link and its placing leaves no link behind', async () => {
  const traced = suite.find('live-apply');
  const fault: Fault = { kind: 'kill', at: callOf(traced, /lchown .*\.varve-[0-9a-f-]{36}$/) };
  await suite.run(traced, [{ fault, powerCut: false }]);
});

describe('somebody who deploys by hand', () => {
  /** What an administrator would type: the image that runs, once more, as the next boot. */
  async function deploy(host: FixtureHost): Promise<string> {
    const before = await readdir(join(host.sysroot, deployments));
    const [checksum = ''] = (await host.status()).booted.name.split('.');
    await spawn('ostree', ['admin', 'deploy', `--sysroot=${host.sysroot}`, '--os=varve', '--retain', checksum]);
    const after = await readdir(join(host.sysroot, deployments));
    const added = after.filter((entry) => !before.includes(entry) && !entry.endsWith('.origin'));
    expect(added).toHaveLength(1);
    return added[0] ?? '';
  }

  test.concurrent.each(['live-apply', 'reboot-apply'] as const)(
    'before %s: the host gets to its config',
    async (name) => {
      const traced = suite.find(name);
      const host = await traced.scenario.template.copyTo(join(await makeDirectory(), 'host'));
      const added = await deploy(host);
      expect((await readNextBoot(host.sysroot).catch(() => undefined))?.deployment).not.toBe(added);
      await expectGoal(host, traced);
    },
  );

  test('while the agent deploys: each deployment is taken for what it is', async () => {
    const traced = suite.find('reboot-apply');
    const host = await traced.scenario.template.copyTo(join(await makeDirectory(), 'host'));
    const at = callOf(traced, /spawn ostree admin deploy/);
    expect(await during(host, traced, at, async () => void (await deploy(host)))).toBe('exit 0');
    await expectGoal(host, traced);
  });

  test('between the apply and the boot, which then is another one: the host gets to its config', async () => {
    const traced = suite.find('reboot-apply');
    const host = await traced.scenario.template.copyTo(join(await makeDirectory(), 'host'));
    expect(await host.runOnce()).toBe('reboot');
    const added = await deploy(host);
    await bootDirectory(host.sysroot, host.paths);
    expect((await host.status()).booted.name).toBe(added);
    await expectGoal(host, traced);
  });
});

describe('a user who edits what is managed', () => {
  test('during a live apply: the config wins, and what is not managed stays', async () => {
    const traced = suite.find('live-apply');
    const host = await traced.scenario.template.copyTo(join(await makeDirectory(), 'host'));
    const etc = join((await host.status()).booted.root, 'etc');
    const how = await during(host, traced, callOf(traced, /rename .*\.new/), async () => {
      await writeFile(join(etc, 'app/app.conf'), 'by hand\n');
      await writeFile(join(etc, 'app/notes'), 'of the user\n');
    });
    expect(how).toBe('exit 0');
    expect((await host.status()).drift).toEqual([]);
    expect(await readFile(join(etc, 'app/app.conf'), 'utf8')).toBe('second\n');
    expect(await readFile(join(etc, 'app/notes'), 'utf8')).toBe('of the user\n');
  });
});

describe('a managed path that leads elsewhere', () => {
  test.concurrent.each([
    ['live-apply', 'a directory of /etc', 'etc/app'],
    ['reboot-apply', 'a directory of /etc', 'etc/app'],
    ['live-apply', 'a directory of /var', 'var/lib/app'],
    ['reboot-apply', 'a directory of /var', 'var/lib/app'],
  ] as const)('%s, %s: it is never followed', async (name, _, path) => {
    const traced = suite.find(name);
    const directory = await makeDirectory();
    const host = await traced.scenario.template.copyTo(join(directory, 'host'));
    const outside = join(directory, 'outside');
    await mkdir(outside);
    for (const file of ['app.conf', 'extra.conf']) await writeFile(join(outside, file), 'of somebody else\n');
    const parent = path.startsWith('var/')
      ? join(host.sysroot, 'ostree/deploy/varve')
      : (await host.status()).booted.root;
    const real = join(parent, path);
    await spawn('mv', [real, `${real}.away`]);
    await symlink(outside, real);

    await host.runUntil(async () => host.failures.length > 1);
    expect(await readdir(outside)).toEqual(['app.conf', 'extra.conf']);
    for (const file of ['app.conf', 'extra.conf']) {
      expect(await readFile(join(outside, file), 'utf8')).toBe('of somebody else\n');
    }
    expect(new Set(host.failures)).toEqual(new Set(['TREE_PATH_UNSAFE']));
    await rm(real);
    await spawn('mv', [`${real}.away`, real]);
    await expectGoal(host, traced);
  });
});
