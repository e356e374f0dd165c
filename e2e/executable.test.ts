// The agent's executable as it is installed: no Node, no npm, no sources, an empty environment; against a real `varve up`.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  logsRequestedAnnotation,
  type MachineConfigNodeStatus,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
} from '@varve/api';
import { KubeClient, loadKubeconfig } from '@varve/kube';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bootableContent, FixtureRegistry } from '../packages/agent/src/fixtures/registry.ts';
import { buildAgent } from '../scripts/build-agent/build.ts';
import { ControlPlane } from './control-plane.ts';
import { InstalledHost } from './installed-host.ts';
import { machineConfig } from './manifests.ts';
import { eventually, run, varve } from './process.ts';
import { SplitAgent } from './split-agent.ts';

let directory: string;
let executable: string;
let plane: ControlPlane;
let registry: FixtureRegistry;
let client: KubeClient;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'varve-executable-'));
  executable = path.join(directory, 'varve-agent');
  [plane, registry] = await Promise.all([ControlPlane.start(), FixtureRegistry.start(), buildAgent(executable)]);
  client = new KubeClient(await loadKubeconfig(plane.kubeconfig));
  await client.create(machineConfigPoolResource, {
    apiVersion: 'machineconfiguration.openshift.io/v1',
    kind: 'MachineConfigPool',
    metadata: { name: 'worker' },
    spec: {
      machineConfigSelector: { matchLabels: { 'machineconfiguration.openshift.io/role': 'worker' } },
      nodeSelector: { matchLabels: { 'node-role.kubernetes.io/worker': '' } },
    },
  });
  const image = await push(registry.add(bootableContent('2')));
  await client.create(machineConfigResource, JSON.parse(machineConfig('50-os', { image, motd: 'managed\n' })));
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await plane[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** What the control plane's registry calls an image of the fixture's. */
async function push(image: string): Promise<string> {
  const copy = `${plane.authority}/os:latest`;
  const { authFile, certDirectory } = plane.registry;
  const destination = ['--dest-authfile', authFile, '--dest-cert-dir', certDirectory];
  const digestFile = path.join(directory, 'digest');
  const source = `docker://${image}`;
  await run(
    'skopeo',
    'copy',
    '--src-tls-verify=false',
    '--digestfile',
    digestFile,
    ...destination,
    source,
    `docker://${copy}`,
  );
  return copy;
}

async function join(host: InstalledHost, name: string): Promise<void> {
  const { token, server, caHash } = JSON.parse(
    await varve([
      '--kubeconfig',
      plane.kubeconfig,
      'node',
      'token',
      '--labels',
      'node-role.kubernetes.io/worker=',
      '-o',
      'json',
    ]),
  );
  await host.run('join', '--server', server, '--token', token, '--ca-hash', caHash, '--name', name);
}

/** The status of the node once its host runs the image. */
async function updated(name: string): Promise<MachineConfigNodeStatus> {
  return await eventually(`${name} runs the image`, async () => {
    const { status } = await client.get(machineConfigNodeResource, name);
    const isUpdated = status?.conditions?.find(({ type }) => type === 'Updated')?.status === 'True';
    if (status?.update?.step === 'Failed') throw new Error(JSON.stringify(status.update));
    return isUpdated && status?.rollback !== undefined && status;
  });
}

test('without anything around it, it says its version and what it can do', async () => {
  expect((await stat(executable)).size).toBeLessThan(150e6);
  expect((await run('env', '-i', executable, '--version')).trim()).toMatch(/^\d+\.\d+\.\d+$/);
  const help = await run('env', '-i', executable, '--help');
  for (const command of ['run', 'join', 'host']) expect(help).toContain(`  ${command} `);
  // Options of Node in the environment of whoever starts it stay outside.
  expect(await run('env', '-i', 'NODE_OPTIONS=--require=/nowhere.cjs', executable, '--version')).not.toBe('');
});

test('on a host that has nothing else, it joins, stages, applies and starts itself again for the boot', async () => {
  await using host = await InstalledHost.create(executable, registry.add(bootableContent('1')));
  await join(host, 'bare');
  await host.start();
  const status = await updated('bare');
  expect(status.update).toMatchObject({ step: 'Done' });
  expect(status.booted?.imageDigest).not.toBe(status.rollback?.imageDigest);
  const { booted } = JSON.parse(await host.run('host', 'status', '-o', 'json'));
  expect(booted.imageDigest).toBe(status.booted?.imageDigest);

  const metrics = await host.metrics();
  expect(metrics).toContain('varve_agent_updated 1\n');
  expect(metrics).toMatch(/^process_resident_memory_bytes [0-9]{8,9}$/m);
  const logs = await varve(['--kubeconfig', plane.kubeconfig, 'node', 'logs', 'bare', '--lines', '200']);
  const steps = logs.split('\n').map((line) => JSON.parse(line));
  expect(steps).toContainEqual(expect.objectContaining({ msg: 'step', step: 'Verify' }));
  const { metadata } = await client.get(machineConfigNodeResource, 'bare');
  expect(metadata.annotations).not.toHaveProperty(logsRequestedAnnotation);
});

test('as two programs, of which one has no rights and the other no network, it does the same', async () => {
  await using host = await InstalledHost.create(executable, registry.add(bootableContent('1')));
  await join(host, 'split');
  await using agent = await SplitAgent.start(host);
  const status = await updated('split');
  expect(status.booted?.imageDigest).not.toBe(status.rollback?.imageDigest);
  expect(await agent.metrics()).toContain('varve_agent_updated 1\n');
  const { booted } = JSON.parse(await host.run('host', 'status', '-o', 'json'));
  expect(booted.imageDigest).toBe(status.booted?.imageDigest);
});
