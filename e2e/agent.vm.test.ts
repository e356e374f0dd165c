// A machine that boots, with the agent as it is installed: a package in the image, its network side without privileges, its
// helper without network. It joins, changes a file while it runs, reboots into another image, and comes back from a bad one.
import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import {
  type MachineConfigNode,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  machineConfigurationResource,
} from '@varve/api';
import { KubeClient, loadKubeconfig } from '@varve/kube';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildAgent } from '../scripts/build-agent/build.ts';
import { buildDeb } from '../scripts/build-deb/build.ts';
import { removeTree } from '../scripts/quickstart/remove.ts';
import { ControlPlane } from './control-plane.ts';
import { imageCache } from './os-images.ts';
import { eventually, varve } from './process.ts';
import { emulator, hostAddress, kernelArguments, VirtualMachine } from './virtual-machine.ts';

const hasEmulator = spawnSync(emulator, ['--version']).status === 0;
/** Emulated, beside other work. */
const minute = 60_000;
const group = 'machineconfiguration.openshift.io';

const containerfile = `ARG BASE
FROM \${BASE}
COPY *.deb /tmp/agent.deb
RUN apt-get update && apt-get install -y --no-install-recommends /tmp/agent.deb && rm /tmp/agent.deb && ostree container commit
COPY --chmod=755 check-app /usr/lib/greenboot/check/required.d/10-app
ARG VERSION
RUN mkdir -p /usr/lib/app && echo "\${VERSION}" > /usr/lib/app/version && ostree container commit
`;
const check = `#!/bin/sh
read -r version < /usr/lib/app/version
[ "$version" != broken ] || { echo "app $version cannot open its database"; exit 1; }
`;

const cleanup = new AsyncDisposableStack();
let plane: ControlPlane;
let client: KubeClient;
let machine: VirtualMachine;
let images: readonly [first: string, second: string, broken: string];

beforeAll(async () => {
  if (!hasEmulator) return;
  const directory = await mkdtemp(join(tmpdir(), 'varve-vm-'));
  cleanup.defer(async () => await removeTree(directory));
  plane = cleanup.use(await ControlPlane.start(hostAddress));
  client = cleanup.use(new KubeClient(await loadKubeconfig(plane.kubeconfig)));
  images = await buildImages(directory);
  const sysroot = join(directory, 'sysroot');
  await mkdir(sysroot);
  const kargs = kernelArguments.flatMap((argument) => ['--karg', argument]);
  const here = images[0].replace(hostAddress, '127.0.0.1');
  const made = await varve([
    '-o',
    'json',
    'host',
    'create',
    '--sysroot',
    sysroot,
    '--image',
    here,
    ...kargs,
    ...flags(),
  ]);
  await writeJoinFile(JSON.parse(made).booted.path);
  const machineDirectory = join(directory, 'machine');
  await mkdir(machineDirectory);
  machine = cleanup.use(await VirtualMachine.create(machineDirectory, sysroot));
  machine.start(8);
}, 15 * minute);

afterAll(async () => await cleanup.disposeAsync());

function flags(): string[] {
  return ['--authfile', plane.registry.authFile, '--cert-dir', plane.registry.certDirectory];
}

/** Three versions of an image with the agent's package and a health check; referred to as the machine reaches them. */
async function buildImages(directory: string): Promise<typeof images> {
  const context = join(directory, 'context');
  await mkdir(context);
  await buildAgent(join(directory, 'varve-agent'));
  const deb = await buildDeb(join(directory, 'varve-agent'), directory);
  await copyFile(deb, join(context, basename(deb)));
  await writeFile(join(context, 'Containerfile'), containerfile);
  await writeFile(join(context, 'check-app'), check);
  const make = async (args: string[]): Promise<string> => {
    const output = await varve(['-o', 'json', 'image', ...args, '--cache-dir', imageCache, ...flags()]);
    return JSON.parse(output).reference;
  };
  const base = await make(['base', 'debian', '--push', `${plane.authority}/os/debian:base`]);
  const build = async (version: string): Promise<string> => {
    const buildArguments = [`BASE=${base}`, `VERSION=${version}`].flatMap((argument) => ['--build-arg', argument]);
    const reference = await make([
      'build',
      context,
      ...buildArguments,
      '--push',
      `${plane.authority}/os/app:${version}`,
    ]);
    return reference.replace('127.0.0.1', hostAddress);
  };
  return [await build('1'), await build('2'), await build('broken')];
}

/** What cloud-init or Ignition would leave: a join file, by which the machine joins at its first boot. */
async function writeJoinFile(deployment: string): Promise<void> {
  const path = join(deployment, 'etc/varve/join.json');
  const labels = ['--labels', 'node-role.kubernetes.io/worker='];
  await varve(['--kubeconfig', plane.kubeconfig, 'node', 'token', ...labels, '--output-file', path]);
  const made: Record<string, string> = JSON.parse(await readFile(path, 'utf8'));
  const server = `https://${plane.authority.replace('127.0.0.1', hostAddress)}`;
  await writeFile(path, JSON.stringify({ ...made, server, name: 'vm' }));
}

async function node(): Promise<MachineConfigNode> {
  return await client.get(machineConfigNodeResource, 'vm');
}

async function target(image: string, greeting: string): Promise<void> {
  const files = [{ path: '/etc/app/greeting', mode: 0o644, contents: { source: `data:,${greeting}%0A` } }];
  const spec = { osImageURL: image, config: { ignition: { version: '3.4.0' }, storage: { files } } };
  const metadata = { name: '50-worker', labels: { [`${group}/role`]: 'worker' } };
  const object = { apiVersion: `${group}/v1`, kind: 'MachineConfig', metadata, spec };
  await client.create(machineConfigResource, object).catch(async () => {
    await client.patch(machineConfigResource, '50-worker', { spec });
  });
}

/** Waits until the machine runs the target that the MachineConfigs make now, and gives its state. */
async function arrived(image: string, greeting: string): Promise<MachineConfigNode> {
  const digest = image.split('@')[1];
  return await waitFor(`the machine runs ${image} and says ${greeting}`, async () => {
    const pool = await client.get(machineConfigPoolResource, 'worker');
    const rendered = await client.get(machineConfigResource, pool.spec.configuration?.name ?? '');
    const found = await node();
    const isWanted =
      rendered.spec.osImageURL === image && JSON.stringify(rendered.spec).includes(`data:,${greeting}%0A`);
    const { current } = found.status?.configVersion ?? {};
    const isThere = current === rendered.metadata.name && found.status?.booted?.imageDigest === digest;
    return isWanted && isThere && found.status?.update?.step === 'Done' && found;
  });
}

async function waitFor<T>(what: string, condition: () => Promise<T | undefined | false>): Promise<T> {
  return await eventually(what, condition, 12 * minute).catch(async (error: unknown) => {
    const console = (await machine.console()).slice(-6000);
    const state = JSON.stringify((await node().catch(() => undefined))?.status ?? {}, null, 2);
    throw new Error(`${error instanceof Error ? error.message : error}\n${state}\n${console}`, { cause: error });
  });
}

const options = { timeout: 14 * minute };

test.skipIf(!hasEmulator)(`it joins at its first boot (needs ${emulator})`, options, async () => {
  await waitFor('the machine has joined', node);
  await client.create(machineConfigPoolResource, {
    apiVersion: `${group}/v1`,
    kind: 'MachineConfigPool',
    metadata: { name: 'worker' },
    spec: {
      machineConfigSelector: { matchLabels: { [`${group}/role`]: 'worker' } },
      nodeSelector: { matchLabels: { 'node-role.kubernetes.io/worker': '' } },
      healthChecks: { deadlineSeconds: 120 },
    },
  });
  await client.create(machineConfigurationResource, {
    apiVersion: 'operator.openshift.io/v1',
    kind: 'MachineConfiguration',
    metadata: { name: 'cluster' },
    spec: { nodeDisruptionPolicy: { files: [{ path: '/etc/app', actions: [{ type: 'None' }] }] } },
  });
  await target(images[0], 'hello');
  await arrived(images[0], 'hello');
});

test.skipIf(!hasEmulator)('a file changes while it runs', options, async () => {
  const { boots } = machine;
  await target(images[0], 'welcome');
  await arrived(images[0], 'welcome');
  expect(machine.boots).toBe(boots);
});

test.skipIf(!hasEmulator)('another image takes one boot', options, async () => {
  const { boots } = machine;
  await target(images[1], 'welcome');
  await arrived(images[1], 'welcome');
  expect(machine.boots).toBe(boots + 1);
});

test.skipIf(!hasEmulator)('a bad image is booted once, and the machine goes back by itself', options, async () => {
  const { boots } = machine;
  await target(images[2], 'welcome');
  const failed = await waitFor('the machine has come back', async () => {
    const found = await node();
    const isBack = found.status?.booted?.imageDigest === images[1].split('@')[1];
    return isBack && found.status?.update?.lastFailure?.check !== undefined && found;
  });
  expect(failed.status?.update?.lastFailure).toMatchObject({
    code: 'HEALTH_FAILED',
    output: expect.stringContaining('app broken cannot open its database'),
  });
  expect(machine.boots).toBe(boots + 2);
  // What it went back to is looked at first.
  await waitFor('varve why says why', async () => {
    const why = await varve(['--kubeconfig', plane.kubeconfig, 'why', 'vm']);
    return why.includes('cannot open its database');
  });
});
