// Kills the control plane, then an agent, at random points of a rollout, again and again. It must always finish, never
// with more than maxUnavailable hosts unavailable, and no host may end in a mix of old and new.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type MachineConfigNode, machineConfigNodeResource, machineConfigResource } from '@varve/api';
import { isKubeError, type KubeClient } from '@varve/kube';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Fleet, type HostName, hostNames } from './fleet.ts';
import { machineConfig } from './manifests.ts';
import { run, varve } from './process.ts';
import { runQuickstart } from './quickstart.ts';

const rounds = Number(process.env.VARVE_KILL_ROUNDS ?? 20);
const maxUnavailable = 1;

let fleet: Fleet;
let client: KubeClient;
let images: readonly [base: string, firewall: string];
const cleanup = new AsyncDisposableStack();

beforeAll(async () => {
  const quickstart = cleanup.use(await runQuickstart());
  fleet = cleanup.use(new Fleet(quickstart.directory, quickstart.authority));
  await fleet.start();
  client = cleanup.use(await fleet.client());
  await fleet.updated(client, 'worker', 600_000);
  const firewall = (await client.get(machineConfigResource, '50-worker-firewall')).spec.osImageURL ?? '';
  const base = /(127\.0\.0\.1:\d+\/os\/debian@sha256:[0-9a-f]{64})/.exec(quickstart.output)?.[1] ?? '';
  images = [base, firewall];
}, 900_000);

afterAll(async () => await cleanup.disposeAsync());

interface Target {
  readonly image: string;
  readonly motd: string;
  readonly kernelArgument: string;
}

function targetOf(round: number): Target {
  const image = images[round % 2] ?? '';
  return { image, motd: `round ${round}\n`, kernelArgument: `round=${round}` };
}

async function apply(target: Target): Promise<void> {
  const { image, motd, kernelArgument } = target;
  const manifest = machineConfig('90-kill', { image, motd, kernelArguments: [kernelArgument] });
  await spawn('kubectl', ['--kubeconfig', fleet.kubeconfig, 'apply', '-f', '-'], { stdin: { string: manifest } });
}

/** A host that is, or may be, out of service by Varve's doing. */
function isUnavailable({ spec, status }: MachineConfigNode): boolean {
  const step = status?.update?.step;
  const under = step === 'Applying' || step === 'Rebooting' || step === 'Verifying';
  return under || (spec.update?.phase === 'Applied' && status?.configVersion?.current !== spec.configVersion.desired);
}

/** Follows every change of the hosts' objects, across restarts of the server, and keeps the worst that it saw. */
async function watchHosts(signal: AbortSignal): Promise<{ worst: string[]; seen: number }> {
  const result = { worst: [] as string[], seen: 0 };
  while (!signal.aborted) {
    try {
      const known = new Map<string, MachineConfigNode>();
      for await (const event of client.watch(machineConfigNodeResource, { signal })) {
        if (event.type === 'BOOKMARK') continue;
        known.set(event.object.metadata.name ?? '', event.object);
        result.seen += 1;
        const unavailable = [...known.values()].filter(isUnavailable).map(({ metadata }) => metadata.name ?? '');
        if (unavailable.length > result.worst.length) result.worst = unavailable;
      }
    } catch (error) {
      if (!signal.aborted && !isKubeError(error)) throw error;
      await pause(100);
    }
  }
  return result;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Everything that the target says is so on the host, and nothing of the target before. */
async function expectOnTarget(name: HostName, target: Target): Promise<void> {
  const sysroot = fleet.sysroot(name);
  const { booted, kernelArguments, drift, bootPending } = JSON.parse(
    await varve(['-o', 'json', 'host', 'status', '--sysroot', sysroot]),
  );
  expect(booted.image, name).toBe(target.image);
  expect(await readFile(join(booted.path, 'etc/motd'), 'utf8'), name).toBe(target.motd);
  expect(
    kernelArguments.filter((argument: string) => argument.startsWith('round=')),
    name,
  ).toEqual([target.kernelArgument]);
  expect(drift, name).toEqual([]);
  expect(bootPending, name).toBe(false);
  const entries = join(sysroot, 'boot/loader/entries');
  const texts = await Promise.all((await readdir(entries)).map((file) => readFile(join(entries, file), 'utf8')));
  const next = texts.sort((a, b) => versionOf(b) - versionOf(a))[0] ?? '';
  expect(next, name).toContain(` ${target.kernelArgument} `);
}

function versionOf(entry: string): number {
  return Number(/^version (\d+)$/m.exec(entry)?.[1] ?? 0);
}

test(`${rounds} rollouts with the control plane and an agent killed at random points`, async () => {
  const end = new AbortController();
  const watching = watchHosts(end.signal);
  // A rollout of three hosts takes about this long when nobody interferes; kills fall anywhere into it.
  const span = 15_000;
  for (let round = 0; round < rounds; round += 1) {
    const target = targetOf(round);
    await apply(target);
    await pause(Math.random() * span);
    await fleet.server.kill();
    await pause(Math.random() * 1000);
    fleet.server.start();
    await pause(Math.random() * span * 0.5);
    const agent = fleet.agents.get(hostNames[Math.floor(Math.random() * hostNames.length)] ?? 'host-1');
    await agent?.kill();
    await pause(Math.random() * 1000);
    agent?.start();
    await fleet.answers();
    await fleet.updated(client, 'worker', 600_000);
    for (const name of hostNames) await expectOnTarget(name, target);
  }
  end.abort();
  const { worst, seen } = await watching;
  expect(seen).toBeGreaterThan(rounds * hostNames.length * 3);
  expect(worst.length, `unavailable at once: ${worst.join(', ')}`).toBeLessThanOrEqual(maxUnavailable);
  for (const agent of fleet.agents.values()) await agent.stop();
  for (const name of hostNames) await run('ostree', 'fsck', `--repo=${fleet.sysroot(name)}/ostree/repo`);
}, 3_000_000);
