// The agent is installed into the root of a host: this machine's, with a layer above it that takes all writes.
import { mkdir, mkdtemp, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CertificateServer } from '../faults/certificate-server.ts';
import { installOnHost } from './install.ts';

const packaging = join(import.meta.dirname, '../../../../packaging');

let directory: string;
let root: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-install-'));
  await spawn('mount', ['-t', 'tmpfs', 'tmpfs', directory]);
  for (const name of ['upper', 'work', 'root', 'image']) await mkdir(join(directory, name));
  root = join(directory, 'root');
  const layers = `lowerdir=/,upperdir=${join(directory, 'upper')},workdir=${join(directory, 'work')}`;
  await spawn('mount', ['-t', 'overlay', 'overlay', '-o', layers, root]);
  await rm(join(root, 'usr/bin/varve-agent'), { force: true });
  await spawn('cp', ['-rT', join(packaging, 'systemd'), await made('image/lib/systemd/system')]);
  await spawn('cp', ['-rT', join(packaging, 'sysusers.d'), await made('image/usr/lib/sysusers.d')]);
  await writeFile(join(directory, 'varve-agent'), '#!/bin/sh\necho 1\n');
});
afterEach(async () => {
  await spawn('umount', [root]);
  await spawn('umount', [directory]);
  await rm(directory, { recursive: true });
});

async function made(path: string): Promise<string> {
  await mkdir(join(directory, path), { recursive: true });
  return join(directory, path);
}

function install(server: CertificateServer) {
  return installOnHost({
    root,
    source: join(directory, 'image'),
    executable: join(directory, 'varve-agent'),
    signal: AbortSignal.timeout(60_000),
    server: server.url,
    token: 'header.payload.signature',
    ca: server.authority.certificate,
    nodeName: 'web-1',
  });
}

test('a host gets the agent, its user, its units and an identity; a second time, nothing', async () => {
  await using server = await CertificateServer.start();
  const first = await install(server);
  expect(first).toMatchObject({ nodeName: 'web-1', joinedNow: true, inImage: false });
  expect(first.written).toHaveLength(6);
  const { stdout } = await spawn('chroot', [root, '/usr/local/bin/varve-agent']);
  expect(stdout).toBe('1');
  const unit = await readFile(join(root, 'etc/systemd/system/varve-agent.service'), 'utf8');
  expect(unit).toContain('ExecStart=/usr/local/bin/varve-agent run');
  const { stdout: user } = await spawn('chroot', [root, 'id', '-nG', 'varve']);
  expect(user.split(' ')).toContain('varve');
  for (const [target, name] of [
    ['multi-user', 'varve-agent.service'],
    ['sockets', 'varve-helper.socket'],
  ]) {
    expect(await readlink(join(root, `etc/systemd/system/${target}.target.wants/${name}`))).toContain(name);
  }
  expect((await stat(join(root, 'var/lib/varve/agent/identity/client.pem'))).mode & 0o077).toBe(0);
  expect(await install(server)).toMatchObject({ written: [], joinedNow: false });
});

test('a new version replaces the old one', async () => {
  await using server = await CertificateServer.start();
  await install(server);
  await writeFile(join(directory, 'varve-agent'), '#!/bin/sh\necho 2\n');
  expect(await install(server)).toMatchObject({ written: ['/usr/local/bin/varve-agent'], joinedNow: false });
  expect((await spawn('chroot', [root, '/usr/local/bin/varve-agent'])).stdout).toBe('2');
});

test('a host whose image brings the agent keeps that one, joins, and keeps the directory that its pod has mounted', async () => {
  await using server = await CertificateServer.start();
  await writeFile(join(root, 'usr/bin/varve-agent'), '', { mode: 0o755 });
  const dropIn = '/etc/systemd/system/varve-agent.service.d/50-kubernetes.conf';
  expect(await install(server)).toMatchObject({ written: [dropIn], inImage: true, joinedNow: true });
  expect(await readFile(join(root, dropIn), 'utf8')).toContain('RuntimeDirectoryPreserve=yes');
});

test('what was killed before the agent was restarted is gone on with: the new executable does not wait for a reboot', async () => {
  await using server = await CertificateServer.start();
  await mkdir(join(root, 'run/systemd/system'), { recursive: true });
  const systemctl = async (restart: string) => {
    const script = `#!/bin/sh\necho "$@" >>/systemctl.log\ncase "$1" in restart) ${restart};; esac\n`;
    await rm(join(root, 'usr/bin/systemctl'), { force: true });
    await writeFile(join(root, 'usr/bin/systemctl'), script, { mode: 0o755 });
    await rm(join(root, 'systemctl.log'), { force: true });
  };
  const lastCommand = async () => (await readFile(join(root, 'systemctl.log'), 'utf8')).trim().split('\n').at(-1);

  await systemctl('exit 1');
  await expect(install(server)).rejects.toMatchObject({ code: 'HOST_COMMAND_FAILED' });
  await systemctl('exit 0');
  expect(await install(server)).toMatchObject({ written: [], joinedNow: false });
  expect(await lastCommand()).toBe('restart varve-agent.service');
  await install(server);
  expect(await lastCommand()).toBe('start varve-agent.service');
});

test('a link of the host that leads out of its root is not followed', async () => {
  await using server = await CertificateServer.start();
  const outside = await made('outside');
  await rm(join(root, 'usr/local/bin'), { recursive: true });
  await symlink(outside, join(root, 'usr/local/bin'));
  await expect(install(server)).rejects.toMatchObject({ code: 'CONFIG_UNSUPPORTED' });
  await expect(stat(join(outside, 'varve-agent'))).rejects.toThrow('ENOENT');
});
