// The whole product after its quickstart: what the hosts hold, what other tools read and push, and what bad input does.
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineConfigNodeResource, machineConfigPoolResource, machineConfigResource } from '@varve/api';
import type { KubeClient } from '@varve/kube';
import spawn, { SubprocessError } from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fleet, type HostName, hostNames } from './fleet.ts';
import { machineConfig } from './manifests.ts';
import { imageCache } from './os-images.ts';
import { OtherRegistry } from './other-registry.ts';
import { eventually, run, varve, varveCommand, varveFailure } from './process.ts';
import { type QuickstartRun, runQuickstart } from './quickstart.ts';

/** Milliseconds that a change may take to get to all hosts, on a machine that is busy with much else. */
const rolloutTime = 600_000;
const examples = join(import.meta.dirname, '../examples');

let quickstart: QuickstartRun;
let fleet: Fleet;
let client: KubeClient;
let other: OtherRegistry;
let scratch: string;
const cleanup = new AsyncDisposableStack();

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'varve-fleet-'));
  cleanup.defer(async () => await rm(scratch, { recursive: true, force: true }));
  quickstart = cleanup.use(await runQuickstart());
  other = cleanup.use(await OtherRegistry.create(join(scratch, 'other')));
  fleet = cleanup.use(new Fleet(quickstart.directory, quickstart.authority, other.env));
  await fleet.start();
  client = cleanup.use(await fleet.client());
  await fleet.updated(client, 'worker', rolloutTime);
}, 900_000);

afterAll(async () => await cleanup.disposeAsync());

async function status(
  name: HostName,
): Promise<{ booted: { path: string; imageDigest: string }; kernelArguments: string[] }> {
  return JSON.parse(await varve(['-o', 'json', 'host', 'status', '--sysroot', fleet.sysroot(name)]));
}

async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const stdin = input === undefined ? 'ignore' : { string: input };
  return (await spawn('kubectl', ['--kubeconfig', fleet.kubeconfig, ...args], { stdin })).stdout;
}

async function why(node: string): Promise<string> {
  return await varve(['--kubeconfig', fleet.kubeconfig, 'why', node]);
}

/** The digest that the example's image has in the fleet's registry. */
async function firewallDigest(): Promise<string> {
  const { spec } = await client.get(machineConfigResource, '50-worker-firewall');
  return spec.osImageURL?.split('@')[1] ?? '';
}

describe('after the quickstart', () => {
  test('it said what it did, in seven steps, and left nothing running', () => {
    for (const step of [1, 2, 3, 4, 5, 6, 7]) expect(quickstart.output).toContain(`[${step}/7]`);
    expect(quickstart.output).toMatch(/host-1 reports drift: \/etc\/motd/);
    expect(quickstart.output).toContain('3 of 3 hosts updated');
  });

  test.each(hostNames)('%s: the repository is clean, the new deployment first, the old one behind it', async (name) => {
    await run('ostree', 'fsck', `--repo=${fleet.sysroot(name)}/ostree/repo`);
    const { booted } = await status(name);
    const deployments = (await run('ostree', 'admin', 'status', `--sysroot=${fleet.sysroot(name)}`))
      .split('\n')
      .flatMap((line) => /varve ([0-9a-f]{64}\.\d+)/.exec(line)?.[1] ?? []);
    expect(deployments).toHaveLength(2);
    expect(booted.path).toContain(deployments[0]);
    expect(booted.imageDigest).toBe(await firewallDigest());
    const entries = join(fleet.sysroot(name), 'boot/loader/entries');
    const options = await Promise.all((await readdir(entries)).map((file) => readFile(join(entries, file), 'utf8')));
    expect(options.filter((text) => / panic=30 /.test(text))).toHaveLength(1);
  });

  test('the deployed /etc holds the firewall, the image nothing of ansible', async () => {
    const { path } = (await status('host-2')).booted;
    expect(await readFile(join(path, 'etc/nftables.conf'), 'utf8')).toContain('policy drop');
    const found = await run('find', path, '-xdev', '-iname', '*ansible*');
    expect(found).toBe('');
  });
});

describe('other tools', () => {
  const image = (): string => `docker://${fleet.authority}/os/firewall:1`;

  test('skopeo inspects and copies what was pushed', async () => {
    const { authfile, certDir } = flagsOf(fleet);
    const inspected = await run('skopeo', 'inspect', '--authfile', authfile, '--cert-dir', certDir, image());
    expect(JSON.parse(inspected)).toMatchObject({ Digest: await firewallDigest() });
    const layout = join(scratch, 'layout');
    const source = ['--src-authfile', authfile, '--src-cert-dir', certDir];
    await run('skopeo', 'copy', '--quiet', ...source, image(), `oci:${layout}:copy`);
    expect(await readdir(layout)).toContain('blobs');
  });

  test('podman pulls it', async () => {
    const { authfile, certDir } = flagsOf(fleet);
    const storage = [
      '--root',
      join(scratch, 'podman'),
      '--runroot',
      join(scratch, 'podman-run'),
      '--storage-driver',
      'vfs',
    ];
    await run('podman', ...storage, 'pull', '--quiet', '--authfile', authfile, '--cert-dir', certDir, image());
    expect(await run('podman', ...storage, 'images', '--format', '{{.Repository}}')).toContain('os/firewall');
    await run('podman', ...storage, 'rmi', '--all', '--force');
  });

  test('an image pushed by skopeo is rolled out, its tag resolved once', async () => {
    const { authfile, certDir } = flagsOf(fleet);
    const destination = ['--dest-authfile', authfile, '--dest-cert-dir', certDir];
    const copy = `docker://${fleet.authority}/team/copied:today`;
    await run('skopeo', 'copy', '--quiet', ...destination, `oci:${join(scratch, 'layout')}:copy`, copy);
    const config = machineConfig('60-copied', { image: `${fleet.authority}/team/copied:today`, motd: 'copied\n' });
    await kubectl(['apply', '-f', '-'], config);
    await eventually('the tag is resolved', async () => {
      const pool = await client.get(machineConfigPoolResource, 'worker');
      return pool.status?.resolvedImages?.some(({ reference }) => reference.endsWith('team/copied:today'));
    });
    // The digest is recorded before the config that names it: until then the pool is updated to what it had.
    await eventually('the config is rendered', async () => {
      const { spec } = await client.get(machineConfigPoolResource, 'worker');
      const rendered = await client.get(machineConfigResource, spec.configuration?.name ?? '');
      return rendered.spec.osImageURL?.includes('/team/copied@sha256:');
    });
    await fleet.updated(client, 'worker', rolloutTime);
    const events = await kubectl(['get', 'events', '-A', '-o', 'jsonpath={.items[*].reason}']);
    expect(events).toContain('ImageResolved');
    for (const name of hostNames) {
      const { booted } = await status(name);
      expect(await readFile(join(booted.path, 'etc/motd'), 'utf8')).toBe('copied\n');
    }
  });
});

describe('examples/self-healing', () => {
  afterAll(async () => {
    await kubectl(['delete', 'mc', '60-worker-app']);
    await kubectl([
      'patch',
      'mcp',
      'worker',
      '--type=merge',
      '-p',
      '{"spec":{"driftPolicy":null,"healthChecks":null}}',
    ]);
    await fleet.updated(client, 'worker', rolloutTime);
  }, 900_000);

  test('rebases, changes a file without a boot, puts drift back, and goes back from a bad image', async () => {
    const script = join(examples, 'self-healing/demo.sh');
    const env = { KUBECONFIG: fleet.kubeconfig, VARVE: varveCommand, CACHE: imageCache };
    const output = await runScript(script, env);
    expect(output).toContain('/etc/app/greeting of host-1 says: welcome, in the deployment that was booted before');
    expect(output).toContain('app broken cannot open its database');
    for (const name of hostNames) expect(output).toContain(`${name} runs app 1`);
    expect(output).toContain('The target is taken back');
  }, 1_800_000);
});

describe('bad input', () => {
  /** The conditions of every host and pool, and what `varve why` says of host-1. */
  async function expectFailure(code: string, hosts: readonly string[] = hostNames): Promise<void> {
    for (const name of hosts) {
      await eventually(
        `${name} reports ${code}`,
        async () => {
          const node = await client.get(machineConfigNodeResource, name);
          const degraded = node.status?.conditions?.find(({ type }) => type === 'NodeDegraded');
          return degraded?.status === 'True' && node.status?.update?.lastFailure?.code === code;
        },
        rolloutTime,
      );
      expect(await why(name)).toContain(code);
    }
  }

  async function runningDigests(): Promise<string[]> {
    return await Promise.all(hostNames.map(async (name) => (await status(name)).booted.imageDigest));
  }

  /** Applies the config, checks what `check` checks while hosts run what they ran, takes it back, and waits. */
  async function whileBroken(name: string, manifest: string, check: () => Promise<void>): Promise<void> {
    const before = await runningDigests();
    await kubectl(['apply', '-f', '-'], manifest);
    try {
      await check();
      expect(await runningDigests()).toEqual(before);
    } finally {
      await kubectl(['delete', 'mc', name]);
    }
    // Only then has the pool seen the deletion: until it does, it is updated to what it last had.
    for (const host of hostNames) {
      await eventually(`${host} is updated`, async () => (await why(host)).includes('is updated'), rolloutTime);
    }
  }

  test.each([
    ['an invalid Ignition section', { ignition: { ignition: { version: '9.9.9' } } }, 'spec.config.ignition.version'],
    [
      'a path with ..',
      { ignition: { ignition: { version: '3.4.0' }, storage: { files: [{ path: '/etc/../usr/bin/x' }] } } },
      'spec.config.storage.files[0].path',
    ],
    ['an unknown kernel type', { kernelType: 'fast' }, 'spec.kernelType'],
    ['a kernel argument that a boot entry cannot hold', { kernelArguments: ['a="b'] }, 'spec.kernelArguments[0]'],
  ])('%s is refused with its field', async (_, spec, field) => {
    await expect(kubectl(['apply', '-f', '-'], machineConfig('70-bad', spec))).rejects.toMatchObject({
      stderr: expect.stringContaining(field),
    });
  });

  test('two kinds of kernel type: the pool says which MachineConfigs disagree', async () => {
    await kubectl(['apply', '-f', '-'], machineConfig('70-realtime', { kernelType: 'realtime' }));
    await whileBroken('71-64k', machineConfig('71-64k', { kernelType: '64k-pages' }), async () => {
      await eventually('RenderDegraded', async () => {
        const { status: pool } = await client.get(machineConfigPoolResource, 'worker');
        const condition = pool?.conditions?.find(({ type }) => type === 'RenderDegraded');
        return (
          condition?.status === 'True' && /70-realtime/.test(condition.message) && /71-64k/.test(condition.message)
        );
      });
      expect(await why('host-1')).toContain('71-64k');
      await kubectl(['delete', 'mc', '70-realtime']);
    });
  });

  test('a digest that does not exist', async () => {
    const image = `${fleet.authority}/os/firewall@sha256:${'0'.repeat(64)}`;
    await whileBroken('80-absent', machineConfig('80-absent', { image }), async () => {
      await eventually('RenderDegraded', async () => {
        const { status: pool } = await client.get(machineConfigPoolResource, 'worker');
        const condition = pool?.conditions?.find(({ type }) => type === 'RenderDegraded');
        return condition?.status === 'True' && condition.message.includes('000000');
      });
      expect(await why('host-1')).toContain('80-absent');
    });
  });

  test('an image without a kernel', async () => {
    const image = await other.pushWithoutKernel();
    await whileBroken('80-no-kernel', machineConfig('80-no-kernel', { image }), () =>
      expectFailure('IMAGE_NOT_BOOTABLE'),
    );
  });

  test('a registry that goes away in the middle of a pull, and comes back', async () => {
    const image = await other.pushLarge(`${fleet.authority}/os/firewall:1`, flagsOf(fleet));
    other.bytes = 60_000_000;
    await kubectl(['apply', '-f', '-'], machineConfig('80-large', { image }));
    await eventually('host-1 pulls', async () => {
      const { status: node } = await client.get(machineConfigNodeResource, 'host-1');
      return node?.update?.step === 'Staging' && (node.update.progress?.bytesDone ?? 0) > 20_000_000;
    });
    await other.kill();
    other.bytes = Number.POSITIVE_INFINITY;
    await expectFailure('REGISTRY_UNREACHABLE', ['host-1']);
    expect(await runningDigests()).toEqual(Array(3).fill(await firewallDigest()));
    await other.start();
    const rendered = await fleet.updated(client, 'worker', rolloutTime);
    expect((await client.get(machineConfigResource, rendered)).spec.osImageURL).toBe(image);
    await kubectl(['delete', 'mc', '80-large']);
    await fleet.updated(client, 'worker', rolloutTime);
  });

  test('a wrong and an expired join token', async () => {
    const token = async (...flags: string[]): Promise<{ server: string; token: string; caHash: string }> =>
      JSON.parse(await varve(['--kubeconfig', fleet.kubeconfig, '-o', 'json', 'node', 'token', ...flags]));
    const good = await token();
    const joinWith = (secret: string): string[] => [
      ...['node', 'join', '--server', good.server, '--ca-hash', good.caHash, '--name', 'stranger'],
      ...['--token', secret, '--sysroot', join(scratch, 'stranger')],
    ];
    const wrong = await varveFailure(joinWith(`${good.token.slice(0, 7)}0000000000000000`));
    expect(wrong).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('JOIN_TOKEN_REJECTED') });
    const short = await token('--ttl', '1s');
    await new Promise((resolve) => setTimeout(resolve, 2100));
    const expired = await varveFailure(joinWith(short.token));
    expect(expired).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/JOIN_TOKEN_(EXPIRED|REJECTED)/) });
    const pin = await varveFailure([...joinWith(good.token), '--ca-hash', `sha256:${'0'.repeat(64)}`]);
    expect(pin).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('PIN_MISMATCH') });
    expect(wrong.stderr + expired.stderr + pin.stderr).not.toMatch(/^\s+at /m);
  });

  test('a full disk on one host: the others go on, and it follows when there is room', async () => {
    const sysroot = join(scratch, 'small');
    await mkdir(sysroot);
    await run('mount', '-t', 'tmpfs', '-o', 'size=1800m', 'varve-small', sysroot);
    cleanup.defer(async () => void (await run('umount', '--lazy', sysroot)));
    const small = await joinHost('host-4', sysroot);
    await fleet.updated(client, 'worker', rolloutTime);
    const free = Number((await run('df', '--output=avail', '-B1', sysroot)).split('\n')[1]);
    await run('fallocate', '-l', String(free - 40_000_000), join(sysroot, 'filler'));
    const image = await other.pushLarge(`${fleet.authority}/os/firewall:1`, flagsOf(fleet));
    await kubectl(['apply', '-f', '-'], machineConfig('80-large', { image }));
    await expectFailure('DISK_FULL', ['host-4']);
    for (const name of hostNames) {
      await eventually(`${name} is not held up`, async () => (await why(name)).includes('is updated'), rolloutTime);
    }
    await rm(join(sysroot, 'filler'));
    await fleet.updated(client, 'worker', rolloutTime);
    await small.stop();
    await run('ostree', 'fsck', `--repo=${sysroot}/ostree/repo`);
  });

  async function joinHost(name: string, sysroot: string) {
    const base = `${fleet.authority}/os/debian:base`;
    await varve(['host', 'create', '--sysroot', sysroot, '--image', base, ...fleet.registryFlags]);
    const labels = ['--labels', 'node-role.kubernetes.io/worker='];
    const made = await varve(['--kubeconfig', fleet.kubeconfig, '-o', 'json', 'node', 'token', ...labels]);
    const { server, token, caHash } = JSON.parse(made);
    const args = ['node', 'join', '--server', server, '--ca-hash', caHash, '--name', name, '--sysroot', sysroot];
    await varve(args, { VARVE_JOIN_TOKEN: token });
    const agent = fleet.agent(name, sysroot);
    cleanup.defer(async () => await agent.stop());
    agent.start();
    return agent;
  }
});

async function runScript(path: string, env: Record<string, string>): Promise<string> {
  try {
    return (await spawn('sh', [path], { stdin: 'ignore', env })).output;
  } catch (error) {
    if (!(error instanceof SubprocessError)) throw error;
    throw new Error(`${error.message}\n${error.output}`, { cause: error });
  }
}

function flagsOf(of: Fleet): { authfile: string; certDir: string } {
  return { authfile: join(of.serverState, 'registry-auth.json'), certDir: join(of.serverState, 'certs.d') };
}
