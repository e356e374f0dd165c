// Hosts that are one step away from a goal, and what may be seen on the way there.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DisruptionPolicy, MachineConfigSpec } from '@varve/api';
import { issueClientCertificate } from '@varve/kube';
import spawn from 'nano-spawn';
import { writeCredential, writeServer } from '../enroll/identity.ts';
import { dataUrl, FixtureHost } from '../fixtures/host.ts';
import { bootableContent, type FixtureRegistry, withShell } from '../fixtures/registry.ts';
import { stateDirectoryOf, statePaths } from '../state/paths.ts';
import type { CertificateServer } from './certificate-server.ts';
import { type Goal, isReached } from './goal.ts';

export const scenarioNames = ['stage', 'live-apply', 'reboot-apply', 'rollback', 'renewal'] as const;
export type ScenarioName = (typeof scenarioNames)[number];

export interface Scenario {
  readonly name: ScenarioName;
  /** Every run begins with a copy of it. */
  readonly template: FixtureHost;
  readonly goal: Goal;
  /** Configs that may boot next while the goal is not reached. */
  readonly configs: readonly string[];
}

export interface Surroundings {
  readonly directory: string;
  readonly registry: FixtureRegistry;
  readonly server: CertificateServer;
}

const disruption: DisruptionPolicy = {
  files: [{ path: '/', actions: [{ type: 'None' }] }],
  units: ['app.service', 'extra.service', 'shipped.service'].map((name) => ({
    name,
    actions: [{ type: 'DaemonReload' }],
  })),
};
const health = { deadlineSeconds: 1 };
const unit = (text: string) =>
  `[Unit]\nDescription=${text}\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n`;

function first(osImageURL: string) {
  return {
    osImageURL,
    kernelArguments: ['first'],
    config: {
      ignition: { version: '3.4.0' },
      storage: {
        directories: [{ path: '/etc/app', mode: 0o750 }],
        files: [
          { path: '/etc/app/app.conf', mode: 0o640, contents: { source: dataUrl('first\n') } },
          { path: '/etc/only-first/deep/file', contents: { source: dataUrl('first\n') } },
          { path: '/etc/motd', contents: { source: dataUrl('first\n') } },
          { path: '/var/lib/app/app.conf', contents: { source: dataUrl('first\n') } },
          { path: '/usr/local/bin/app', mode: 0o755, contents: { source: dataUrl('first\n') } },
        ],
        links: [{ path: '/etc/current', target: 'app/app.conf' }],
      },
      systemd: {
        units: [
          { name: 'app.service', enabled: true, contents: unit('first') },
          { name: 'shipped.service', enabled: true },
        ],
      },
    },
  } satisfies MachineConfigSpec;
}

/** Changes, adds and takes away some of everything. */
function second(osImageURL: string, kernelArgument: string, files: readonly (typeof failingCheck)[] = []) {
  return {
    osImageURL,
    kernelArguments: [kernelArgument],
    config: {
      ignition: { version: '3.4.0' },
      storage: {
        directories: [{ path: '/etc/app', mode: 0o755 }],
        files: [
          { path: '/etc/app/app.conf', mode: 0o600, contents: { source: dataUrl('second\n') } },
          { path: '/etc/only-second/deep/file', contents: { source: dataUrl('second\n') } },
          { path: '/var/lib/app/app.conf', contents: { source: dataUrl('second\n') } },
          { path: '/var/lib/app/extra.conf', contents: { source: dataUrl('second\n') } },
          ...files,
        ],
        links: [{ path: '/etc/current', target: 'only-second' }],
      },
      systemd: {
        units: [
          { name: 'app.service', enabled: false, contents: unit('second') },
          { name: 'extra.service', enabled: true, contents: unit('second') },
          { name: 'shipped.service', mask: true },
        ],
      },
    },
  } satisfies MachineConfigSpec;
}

const failingCheck = {
  path: '/etc/varve/health.d/10-never',
  mode: 0o755,
  contents: { source: dataUrl('#!/bin/sh\necho never\nexit 1\n') },
};

/** A template for each name, made from one host that runs the first config and has another behind it. */
export async function prepareScenarios(names: readonly ScenarioName[], around: Surroundings): Promise<Scenario[]> {
  const { directory, registry } = around;
  const content = (version: string) => {
    const image = withShell(bootableContent(version));
    return { ...image, links: { ...image.links, 'usr/local': '../var/usrlocal' } };
  };
  const images = { old: registry.add(content('1')), next: registry.add(content('2')) };
  const host = await FixtureHost.create(images.old, join(directory, 'sysroot'));
  await addOriginals(host.sysroot);
  await host.desire('first', 'Applied', first(images.old), { disruption, health });
  await reach(host, { kind: 'runs', config: 'first' });
  const scenarios: Scenario[] = [];
  for (const name of names) {
    const template = await host.copyTo(join(directory, name));
    scenarios.push({ name, template, ...(await prepare(name, template, images, around)) });
  }
  return scenarios;
}

/** What is there before a config names it, and comes back when none does: one with rights of its own. */
async function addOriginals(sysroot: string): Promise<void> {
  const directory = join(sysroot, 'ostree/deploy/varve/var/lib/app');
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'extra.conf');
  await writeFile(file, 'of a user\n');
  // cap_net_raw=ep (linux/capability.h, struct vfs_cap_data).
  const value = '0x0100000200200000000000000000000000000000';
  await spawn('setfattr', ['--name=security.capability', `--value=${value}`, file]);
}

async function prepare(
  name: ScenarioName,
  host: FixtureHost,
  { old, next }: { old: string; next: string },
  around: Surroundings,
): Promise<Pick<Scenario, 'goal' | 'configs'>> {
  const policy = { disruption, health };
  const runsSecond = { kind: 'runs' as const, config: 'second' };
  const desireStaged = async (spec: MachineConfigSpec) => {
    await host.desire('second', 'Staged', spec, policy);
    await reach(host, { kind: 'staged', config: 'second' });
    await host.desire('second', 'Applied', spec, policy);
  };
  switch (name) {
    case 'stage':
      await host.desire('second', 'Staged', second(next, 'second'), policy);
      return { goal: { kind: 'staged', config: 'second' }, configs: ['first'] };
    case 'live-apply':
      await desireStaged(second(old, 'first'));
      return { goal: runsSecond, configs: ['first', 'second'] };
    case 'reboot-apply':
      await desireStaged(second(next, 'second'));
      return { goal: runsSecond, configs: ['first', 'second'] };
    case 'rollback':
      await desireStaged(second(next, 'second', [failingCheck]));
      return { goal: { kind: 'runs', config: 'first', failed: 'second' }, configs: ['first', 'second'] };
    case 'renewal':
      await ageCertificate(host.sysroot, around.server);
      return { goal: { kind: 'renewed' }, configs: ['first'] };
  }
}

/** A certificate that begins five minutes before it is issued and ends soon is beyond two thirds of its life. */
async function ageCertificate(sysroot: string, { url, authority }: CertificateServer): Promise<void> {
  const { identity } = statePaths(stateDirectoryOf(sysroot));
  const options = { commonName: 'system:node:test', organizations: ['system:nodes'], validity: 60_000 };
  const { certificate, key } = await issueClientCertificate(authority, options);
  await writeServer(identity, { server: url, nodeName: 'test', ca: authority.certificate });
  await writeCredential(identity, { cert: certificate, key });
}

async function reach(host: FixtureHost, goal: Goal): Promise<void> {
  await host.runUntil(() => isReached(host.sysroot, goal));
}
