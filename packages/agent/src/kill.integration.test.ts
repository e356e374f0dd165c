// `kill -9` of an agent at random moments of an update: whatever a boot would start is all old or all new, and the next
// agent finishes the work without help.
import { type ChildProcess, spawn as spawnProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import spawn from 'nano-spawn';
import { expect, test } from 'vitest';
import { firstDeployment } from './boot/boot-entry.ts';
import { checkContent } from './content/check.ts';
import { isShared } from './content/plan.ts';
import { readApplied } from './driver/ostree/state.ts';
import { dataUrl, FixtureHost, waitUntil } from './fixtures/host.ts';
import { bootableContent, FixtureRegistry } from './fixtures/registry.ts';
import { Tree } from './tree/tree.ts';

/** A few in every run; continuous integration asks for more. */
const rounds = Number(process.env.VARVE_KILL_ROUNDS ?? 5);
/** Milliseconds; longer than an update takes with a reboot, so that kills fall before, into and after it. */
const longestLife = 3_000;
/** Milliseconds; an apply takes about as long, and is what a random moment of the whole hits too seldom. */
const longestApply = 400;

function startAgent(sysroot: string): ChildProcess {
  return spawnProcess(process.execPath, [fileURLToPath(import.meta.resolve('./fixtures/child.ts')), sysroot], {
    stdio: 'inherit',
  });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) throw new Error('the agent ended by itself');
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** What a machine would start now, and whether it is whole. */
async function nextBoot(sysroot: string): Promise<string | undefined> {
  const { entry, name } = await firstDeployment(sysroot);
  const tree = new Tree(join(sysroot, 'ostree/deploy/varve/deploy', name));
  const applied = await readApplied(tree);
  expect(applied?.deployment).toBe(name);
  if (!applied) return undefined;
  // What all deployments share is put in place by the agent, when it starts again.
  const entries = applied.entries.filter((entry) => !isShared(entry.path));
  expect(await checkContent(tree, { ...applied, entries })).toEqual([]);
  expect(entry.kernelArguments).toEqual(applied.kernelArguments);
  return applied.config;
}

test(`${rounds} kills leave all old or all new, and every update is finished`, async () => {
  await using registry = await FixtureRegistry.start();
  const images = [
    registry.add(bootableContent('1')),
    registry.add(bootableContent('2')),
    registry.add(bootableContent('3')),
  ];
  registry.delay = 50;
  await using host = await FixtureHost.create(images[0] ?? '');
  let before: string | undefined;
  for (let round = 1; round <= rounds; round++) {
    const config = `config-${round}`;
    const file = { path: `/etc/round-${round % 3}`, contents: { source: dataUrl(config) } };
    const shared = { path: '/var/lib/app/round', contents: { source: dataUrl(config) } };
    const unit = {
      name: `round-${round % 2}.service`,
      enabled: true,
      contents: '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n',
    };
    await host.desire(config, 'Applied', {
      osImageURL: images[round % images.length] ?? '',
      kernelArguments: [`round=${round}`],
      config: { ignition: { version: '3.4.0' }, storage: { files: [file, shared] }, systemd: { units: [unit] } },
    });
    const victim = startAgent(host.sysroot);
    if (round % 4 === 0) await sleep(Math.random() * longestLife);
    else {
      // Who looks too late kills an agent that is done.
      await waitUntil(async () => existsSync(host.paths.applying) || (await host.isOn(config)));
      await sleep(Math.random() * longestApply);
    }
    await kill(victim);
    expect([before, config]).toContain(await nextBoot(host.sysroot));

    const successor = startAgent(host.sysroot);
    await host.waitUntil(() => host.isOn(config));
    await kill(successor);
    const { drift, rollback } = await host.status();
    expect(drift).toEqual([]);
    expect(rollback?.applied?.config).toBe(before);
    before = config;
  }
  const { stdout } = await spawn('ostree', ['fsck', `--repo=${join(host.sysroot, 'ostree/repo')}`]);
  expect(stdout).toContain('no errors found');
});
