// Signed images on a fleet: a ClusterImagePolicy by kubectl, images and signatures by skopeo, a host on a real OSTree
// sysroot. containers/image reads the files that the host gets, too.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostStatus } from '@varve/agent';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bootableContent, FixtureRegistry } from '../packages/agent/src/fixtures/registry.ts';
import { Signer } from '../packages/agent/src/fixtures/signer.ts';
import { ControlPlane } from './control-plane.ts';
import { eventually, run, Service, varve } from './process.ts';

const signer = new Signer();
let directory: string;
let plane: ControlPlane;
let fixtures: FixtureRegistry;
let agent: Service | undefined;
let sysroot: string;
/** By digest, in the control plane's registry. */
let images: { base: string; signed: string; unsigned: string };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-image-policy-'));
  sysroot = join(directory, 'host');
  fixtures = await FixtureRegistry.start();
  plane = await ControlPlane.start();
  images = { base: await push('base'), signed: await push('signed'), unsigned: await push('unsigned') };
  await sign('signed', images.signed);
  await apply(
    { kind: 'MachineConfigPool', metadata: { name: 'worker' }, spec: poolSpec },
    machineConfig({ osImageURL: images.base }),
  );
  const { authFile, certDirectory } = plane.registry;
  const registryFlags = ['--authfile', authFile, '--cert-dir', certDirectory];
  await varve(['host', 'create', '--sysroot', sysroot, '--image', images.base, ...registryFlags]);
  const labels = ['--labels', 'node-role.kubernetes.io/worker='];
  const { server, token, caHash } = JSON.parse(
    await varve(['--kubeconfig', plane.kubeconfig, '-o', 'json', 'node', 'token', ...labels]),
  );
  const args = ['node', 'join', '--server', server, '--ca-hash', caHash, '--name', 'host-1', '--sysroot', sysroot];
  await varve(args, { VARVE_JOIN_TOKEN: token });
  agent = new Service('agent', ['agent', '--sysroot', sysroot], join(directory, 'agent.log'));
  agent.start();
  await reaches(images.base);
});

afterAll(async () => {
  await agent?.stop();
  await plane?.[Symbol.asyncDispose]();
  await fixtures?.[Symbol.asyncDispose]();
  // OSTree makes the roots of deployments immutable.
  await spawn('chattr', ['-R', '-f', '-i', directory]).catch(() => {});
  await rm(directory, { recursive: true, force: true });
});

const poolSpec = {
  machineConfigSelector: { matchLabels: { 'machineconfiguration.openshift.io/role': 'worker' } },
  nodeSelector: { matchLabels: { 'node-role.kubernetes.io/worker': '' } },
};

function machineConfig(spec: object) {
  const labels = { 'machineconfiguration.openshift.io/role': 'worker' };
  return { kind: 'MachineConfig', metadata: { name: '50-image', labels }, spec };
}

function imagePolicy(keyData: string) {
  const rootOfTrust = { policyType: 'PublicKey', publicKey: { keyData } };
  const spec = { scopes: [plane.authority], policy: { rootOfTrust } };
  return { apiVersion: 'config.openshift.io/v1', kind: 'ClusterImagePolicy', metadata: { name: 'os' }, spec };
}

async function kubectl(...args: string[]): Promise<string> {
  return await run('kubectl', '--kubeconfig', plane.kubeconfig, ...args);
}

async function apply(...objects: readonly object[]): Promise<void> {
  const items = objects.map((object) => ({ apiVersion: 'machineconfiguration.openshift.io/v1', ...object }));
  const file = join(directory, 'objects.json');
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await kubectl('apply', '-f', file);
}

async function copy(from: string, to: string): Promise<void> {
  const { authFile, certDirectory } = plane.registry;
  await run(
    ...(['skopeo', '--insecure-policy', 'copy', '--quiet', '--preserve-digests', '--src-tls-verify=false'] as const),
    ...['--dest-authfile', authFile, '--dest-cert-dir', certDirectory, `docker://${from}`, `docker://${to}`],
  );
}

async function push(name: string): Promise<string> {
  const made = fixtures.add(bootableContent(name));
  await copy(made, `${plane.authority}/os/test:${name}`);
  return `${plane.authority}/os/test@${made.split('@')[1]}`;
}

/** The signature says what the image is called where hosts get it. */
async function sign(name: string, image: string): Promise<void> {
  const made = fixtures.add(bootableContent(name));
  fixtures.attach(made, signer.sign(image));
  const tag = `${made.split('@')[1]?.replace(':', '-')}.sig`;
  await copy(`${fixtures.host}/test/os:${tag}`, `${plane.authority}/os/test:${tag}`);
}

async function why(): Promise<string> {
  return await varve(['--kubeconfig', plane.kubeconfig, 'why', 'host-1']);
}

async function reaches(image: string): Promise<void> {
  const arrived = async () =>
    (await hostStatus(sysroot)).booted.image === image && (await why()).includes('is updated');
  await eventually(`the host runs ${image}`, arrived, 600_000);
}

async function applied(): Promise<string> {
  const path = 'jsonpath={.status.conditions[?(@.type=="Applied")].status}';
  return await kubectl('get', 'clusterimagepolicy', 'os', '-o', path);
}

test('a policy that would refuse what the pool runs waits, and says why', async () => {
  await apply(imagePolicy(signer.keyData));
  await eventually('the pool says so', async () => (await why()).includes('SIGNATURE_REJECTED'));
  expect(await why()).toContain(images.base);
  await eventually('the policy says so', async () => (await applied()) === 'False');
  const { root } = (await hostStatus(sysroot)).booted;
  await expect(readFile(join(root, 'etc/containers/policy.json'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('with an image that it accepts it is rolled out', async () => {
  await apply(machineConfig({ osImageURL: images.signed }));
  await reaches(images.signed);
  await eventually('the policy says so', async () => (await applied()) === 'True');
  const { root } = (await hostStatus(sysroot)).booted;
  expect(await readFile(join(root, 'etc/containers/policy.json'), 'utf8')).toContain(signer.keyData);
});

test('containers/image takes the files of the host, and its scopes', async () => {
  const containers = join((await hostStatus(sysroot)).booted.root, 'etc/containers');
  const { authFile, certDirectory } = plane.registry;
  const flags = ['--policy', join(containers, 'policy.json'), '--registries.d', join(containers, 'registries.d')];
  const pull = async (image: string, to: string, ...access: string[]) => {
    await mkdir(join(directory, to));
    const target = `dir:${join(directory, to)}`;
    await run('skopeo', ...flags, 'copy', '--quiet', '--remove-signatures', ...access, `docker://${image}`, target);
  };
  await pull(fixtures.add(bootableContent('base')), 'elsewhere', '--src-tls-verify=false');
  const access = ['--src-authfile', authFile, '--src-cert-dir', certDirectory];
  // Debian's build refuses every signature of this kind.
  const refused = /signature was required|sigstore disabled/;
  await expect(pull(images.unsigned, 'unsigned', ...access)).rejects.toThrow(refused);
});

test('an image without a signature reaches no host, and `varve why` has the reason', async () => {
  await apply(machineConfig({ osImageURL: images.unsigned }));
  await eventually('the pool refuses it', async () => (await why()).includes('SIGNATURE_REJECTED'));
  const answer = await why();
  expect(answer).toContain('50-image: spec.osImageURL');
  expect(answer).toContain(`scope ${plane.authority}`);
  expect((await hostStatus(sysroot)).booted.image).toBe(images.signed);
});

test('who forces the policy does not force the image: the host refuses it itself', async () => {
  const force = /varve\.dev\/force-image-policy=[0-9a-f]{12}/.exec(await why())?.[0] ?? '';
  await kubectl('annotate', 'machineconfigpool', 'worker', force);
  await eventually('the host refuses it', async () => (await why()).includes('while Staging: SIGNATURE_REJECTED'));
  expect((await hostStatus(sysroot)).next?.image).toBe(images.signed);
});

test('once it is signed it is rolled out', async () => {
  await sign('unsigned', images.unsigned);
  // Another try at once, as after ten minutes.
  await apply(machineConfig({ osImageURL: images.unsigned, kernelArguments: ['quiet'] }));
  await reaches(images.unsigned);
});
