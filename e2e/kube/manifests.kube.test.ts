// What `varve kube manifests` prints, on a real API server: it takes all of it, the controllers can do their work with the
// rights that they are given, and a host can do nothing but what is its own.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { joinByFile, joinHost } from '@varve/agent';
import {
  type MachineConfig,
  type MachineConfigNode,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  machineConfigurationResource,
  nodeResource,
  roleLabel,
  secretResource,
} from '@varve/api';
import { checkCluster } from '@varve/deploy';
import { type Connection, createCertificateRequest, createKey, KubeClient, loadKubeconfig } from '@varve/kube';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { run, Service, varve } from '../process.ts';
import type { Cluster } from './cluster.ts';
import { controllerKubeconfig } from './fleet.ts';
import { installManifests } from './install.ts';
import { openCluster } from './open-cluster.ts';

const apiVersion = 'machineconfiguration.openshift.io/v1';
const parts = ['crds', 'access', 'policies', 'control-plane', 'agents'];
const soon = { timeout: 60_000, interval: 200 };

let cluster: Cluster;
let connection: Connection;
let admin: KubeClient;
let directory: string;
let controller: Service;

beforeAll(async () => {
  cluster = await openCluster(
    'certificatesigningrequest-approving-controller',
    'certificatesigningrequest-signing-controller',
  );
  connection = await loadKubeconfig(cluster.kubeconfig);
  admin = new KubeClient(connection);
  directory = await mkdtemp(join(tmpdir(), 'varve-manifests-'));
  await installManifests(cluster.kubeconfig, ...parts);
  for (const name of ['a', 'b']) {
    await admin.create(nodeResource, { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} });
  }
  controller = await startController();
});

afterAll(async () => {
  await controller?.stop();
  await admin?.close();
  await cluster?.[Symbol.asyncDispose]();
  if (directory) await rm(directory, { recursive: true });
});

async function kubectl(...args: string[]): Promise<string> {
  return await run('kubectl', '--kubeconfig', cluster.kubeconfig, ...args);
}

async function startController(): Promise<Service> {
  const kubeconfig = join(directory, 'controller.kubeconfig');
  await writeFile(kubeconfig, await controllerKubeconfig(cluster), { mode: 0o600 });
  const args = ['controller', '--kubeconfig', kubeconfig, '--identity', 'test', '--log-level', 'debug'];
  const service = new Service('varve controller', args, join(directory, 'controller.log'));
  service.start();
  return service;
}

/** As the kubelet of `node` asks for it, for the agent's pod there. */
async function podToken(node: string): Promise<string> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `agent-${node}`, namespace: 'varve-agent' },
    spec: { nodeName: node, serviceAccountName: 'varve-agent', containers: [{ name: 'metrics', image: 'varve' }] },
  };
  await admin.raw('/api/v1/namespaces/varve-agent/pods', { method: 'POST', body: pod });
  const bound = ['--bound-object-kind=Pod', `--bound-object-name=agent-${node}`];
  return await kubectl('create', 'token', 'varve-agent', '--namespace=varve-agent', ...bound);
}

function client(credential: Pick<Connection, 'cert' | 'key' | 'token'>): KubeClient {
  const { server: url, ca } = connection;
  return new KubeClient({ server: url, ...(ca !== undefined && { ca }), ...credential });
}

async function stateOf(name: string): Promise<MachineConfigNode> {
  return await vi.waitFor(async () => await admin.get(machineConfigNodeResource, name), soon);
}

describe('the manifests', () => {
  test('are all that a cluster lacks but for what runs there', async () => {
    await vi.waitFor(async () => {
      const findings = await checkCluster(admin, AbortSignal.timeout(60_000));
      const lacking = findings
        .filter(({ result }) => result !== 'ok')
        .map(({ check, message }) => `${check}: ${message}`);
      expect(lacking).toEqual([
        'Prometheus operator: without the Prometheus operator leave out --part monitoring',
        'Deployment varve-system/varve-controller: no replica is available',
      ]);
    }, soon);
  });

  test('are those of somebody else without their label', async () => {
    const pools = `customresourcedefinition/${machineConfigPoolResource.plural}.${machineConfigPoolResource.group}`;
    await kubectl('label', pools, 'app.kubernetes.io/part-of-');
    try {
      expect(await checkCluster(admin, AbortSignal.timeout(60_000))).toMatchObject([{ result: 'refused' }]);
    } finally {
      await kubectl('label', pools, 'app.kubernetes.io/part-of=varve');
    }
  });
});

describe('a node of the cluster', () => {
  test('joins by the token of its own pod, and of no other', async () => {
    const token = await podToken('a');
    const join = (nodeName: string) =>
      joinHost({
        server: connection.server,
        ca: connection.ca ?? '',
        token,
        nodeName,
        stateDirectory: `${directory}/state-${nodeName}`,
        timeout: 60_000,
      });
    await expect(join('b')).rejects.toMatchObject({ code: 'JOIN_DENIED' });
    expect(await join('a')).toMatchObject({ nodeName: 'a', joinedNow: true });
  });

  test('writes its own status, and nothing else', async () => {
    const pem = await readFile(`${directory}/state-a/agent/identity/client.pem`, 'utf8');
    const block = (label: string) => new RegExp(`-----BEGIN ${label}-----[^]+-----END ${label}-----\n?`).exec(pem)?.[0];
    await using host = client({ cert: block('CERTIFICATE') ?? '', key: block('PRIVATE KEY') ?? '' });
    const status = { status: { update: { step: 'Idle' } } };
    const write = async (name: string) =>
      await host.patch(machineConfigNodeResource, name, status, { subresource: 'status' });
    await stateOf('a');
    expect((await write('a')).status?.update?.step).toBe('Idle');
    await stateOf('b');
    await expect(write('b')).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('its own name'),
    });
    const own = await host.get(machineConfigNodeResource, 'a');
    await expect(host.update(machineConfigNodeResource, own)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(host.delete(machineConfigNodeResource, 'a')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(host.list(secretResource)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(host.list(machineConfigResource)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('without a kubelet joins by a join file, and its Node is made', async () => {
    const path = `${directory}/join.json`;
    await varve(['node', 'token', '--kubeconfig', cluster.kubeconfig, '--output-file', path]);
    await joinByFile({ path, firstBoot: false, nodeName: 'plain', stateDirectory: `${directory}/state-plain` });
    // The cluster may sign before the controllers have made the Node.
    const made = await vi.waitFor(async () => await admin.get(nodeResource, 'plain'), soon);
    expect(made.metadata.name).toBe('plain');
  });

  test('asks for no certificate of another kind, nor with a token that names no node', async () => {
    const pem = createCertificateRequest({ commonName: 'x', organizations: [], key: createKey() });
    const request = (signerName: string) => ({
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { generateName: 'test-' },
      spec: { request: Buffer.from(pem).toString('base64'), signerName, usages: ['client auth'] },
    });
    const ask = async (token: string, signer: string) => {
      await using pod = client({ token });
      return await pod.raw('/apis/certificates.k8s.io/v1/certificatesigningrequests', {
        method: 'POST',
        body: request(signer),
      });
    };
    const refused = (message: string) => ({ message: expect.stringContaining(message) });
    await expect(ask(await podToken('b'), 'kubernetes.io/kube-apiserver-client')).rejects.toMatchObject(
      refused('may only ask the signer'),
    );
    const unbound = await kubectl('create', 'token', 'varve-agent', '--namespace=varve-agent');
    await expect(ask(unbound, 'kubernetes.io/kube-apiserver-client-kubelet')).rejects.toMatchObject(
      refused('names no node'),
    );
  });
});

describe('an object', () => {
  const config = (spec: object): MachineConfig => ({
    apiVersion,
    kind: 'MachineConfig',
    metadata: { generateName: 'test-', labels: { [roleLabel]: 'none' } },
    spec,
  });

  test.each([
    [{ kernelArguments: ['a=$(b)'] }, 'boot loaders interpret'],
    [{ kernelArguments: ['ostree=/x'] }, 'written by OSTree alone'],
    [{ osImageURL: 'docker://x' }, 'no image reference'],
    [{ kernelType: 'other' }, 'Unsupported value'],
  ])('with a spec of %j is refused: %s', async (spec, message) => {
    const refused = { code: 'INVALID', message: expect.stringContaining(message) };
    await expect(admin.create(machineConfigResource, config(spec))).rejects.toMatchObject(refused);
  });

  test('of a good spec is taken, and a rendered config never changes', async () => {
    const matchLabels = { [roleLabel]: 'web' };
    await admin.create(machineConfigPoolResource, {
      apiVersion,
      kind: 'MachineConfigPool',
      metadata: { name: 'web' },
      spec: { machineConfigSelector: { matchLabels }, nodeSelector: { matchLabels } },
    });
    const made = config({ kernelArguments: ['quiet', 'a=b c'] });
    await admin.create(machineConfigResource, { ...made, metadata: { name: '50-web', labels: matchLabels } });
    const name = await vi.waitFor(async () => {
      const rendered = (await admin.get(machineConfigPoolResource, 'web')).spec.configuration?.name;
      expect(rendered).toMatch(/^rendered-web-/);
      return rendered ?? '';
    }, soon);
    const rendered = await admin.get(machineConfigResource, name);
    const changed = admin.update(machineConfigResource, { ...rendered, spec: { kernelArguments: ['other'] } });
    await expect(changed).rejects.toMatchObject({
      message: expect.stringContaining('a rendered config never changes'),
    });
    const labelled = { ...rendered, metadata: { ...rendered.metadata, labels: { a: 'b' } } };
    expect((await admin.update(machineConfigResource, labelled)).metadata.labels).toEqual({ a: 'b' });
  });

  test('that is a rendered config in use stays, and one that nothing uses may go', async () => {
    const copy = `rendered-web-${'0'.repeat(32)}`;
    const name = (await admin.get(machineConfigPoolResource, 'web')).spec.configuration?.name ?? '';
    // The API server hears of new policies and of what they look at when it gets to it.
    await vi.waitFor(async () => {
      await expect(admin.delete(machineConfigResource, name)).rejects.toMatchObject({
        code: 'FORBIDDEN',
        message: expect.stringContaining('MachineConfigPool web uses it'),
      });
    }, soon);
    const unused = config({ kernelArguments: ['unused'] });
    await admin.create(machineConfigResource, { ...unused, metadata: { name: copy } });
    const state = await admin.get(machineConfigNodeResource, 'b');
    const used = { ...state.status, rollback: { checksum: 'x', config: copy } };
    await admin.updateStatus(machineConfigNodeResource, { ...state, status: used });
    await vi.waitFor(async () => {
      await expect(admin.delete(machineConfigResource, copy)).rejects.toMatchObject({
        code: 'FORBIDDEN',
        message: expect.stringContaining('MachineConfigNode b uses it'),
      });
    }, soon);
    const later = await admin.get(machineConfigNodeResource, 'b');
    await admin.updateStatus(machineConfigNodeResource, { ...later, status: state.status });
    await vi.waitFor(async () => await admin.delete(machineConfigResource, copy), soon);
  });

  test('of a kind with one name has that name', async () => {
    const other = {
      apiVersion: 'operator.openshift.io/v1',
      kind: 'MachineConfiguration',
      metadata: { name: 'x' },
      spec: {},
    };
    const refused = { code: 'INVALID', message: expect.stringContaining('must be cluster') };
    await expect(admin.create(machineConfigurationResource, other)).rejects.toMatchObject(refused);
    const actions = [{ type: 'Reload' as const }];
    const spec = { nodeDisruptionPolicy: { files: [{ path: '/etc/a', actions }] } };
    const incomplete = { ...other, metadata: { name: 'cluster' }, spec };
    await expect(admin.create(machineConfigurationResource, incomplete)).rejects.toMatchObject({
      message: expect.stringContaining('is required when type is Reload'),
    });
  });
});

test('the controllers were refused nothing', async () => {
  const log = await readFile(join(directory, 'controller.log'), 'utf8');
  expect(log).toContain('controllers are running');
  expect(log.split('\n').filter((line) => /FORBIDDEN|forbidden/.test(line))).toEqual([]);
});
