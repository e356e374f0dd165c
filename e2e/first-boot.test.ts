// The package on a machine that boots: its units under a systemd that is PID 1, in a root directory of its own over this
// machine's. Nobody logs in: the machine finds a join file and becomes a node, with the agent and its helper behind it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildAgent } from '../scripts/build-agent/build.ts';
import { buildDeb } from '../scripts/build-deb/build.ts';
import { ControlPlane } from './control-plane.ts';
import { eventually, run, varve } from './process.ts';

/** Units come from the package alone; these take the places of the targets and slices on which its own depend. */
const stubs = ['basic', 'multi-user', 'network-online', 'shutdown', 'sockets', 'sysinit', 'time-sync', 'umount'];
const stub = '[Unit]\nDescription=Nothing else\nDefaultDependencies=no\n';
/** $1: the directory; its `root` becomes the root directory of what runs. Nothing is written to the machine's own. */
const boot = `
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1/over"
mkdir "$1/over/upper" "$1/over/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/over/upper,workdir=$1/over/work" "$1/root"
cp --recursive --preserve=mode "$1/package/." "$1/root"
mount --rbind /dev "$1/root/dev"
mount -t proc proc "$1/root/proc"
mount --rbind /sys "$1/root/sys"
mount -t tmpfs tmpfs "$1/root/run"
mount -t tmpfs tmpfs "$1/root/usr/lib/systemd/system"
mount -t tmpfs tmpfs "$1/root/etc/systemd/system"
cp --recursive "$1/units/." "$1/root/etc/systemd/system"
chroot "$1/root" systemd-sysusers varve.conf
for unit in varve-join.service varve-agent.service varve-helper.socket; do
  systemctl --quiet --root="$1/root" enable "$unit"
done
# Not chroot(2): who is in one may not make the user namespaces that units have.
mkdir "$1/root/old"
cd "$1/root"
pivot_root . old
umount --lazy /old
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --unit=multi-user.target --log-target=null --show-status=false`;

let directory: string;
let plane: ControlPlane;
let machine: ChildProcess | undefined;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-first-boot-'));
  plane = await ControlPlane.start();
  await buildAgent(join(directory, 'varve-agent'));
  const deb = await buildDeb(join(directory, 'varve-agent'), directory);
  for (const name of ['over', 'root', 'units', 'package']) await mkdir(join(directory, name));
  await run('dpkg-deb', '--extract', deb, join(directory, 'package'));
  await run('cp', '--recursive', `${join(directory, 'package/lib/systemd/system')}/.`, join(directory, 'units'));
  // A host's /lib is a link, over which a directory must not come to lie.
  await run('rm', '--recursive', join(directory, 'package/lib'));
  // There is no journal to read.
  for (const name of ['varve-join', 'varve-agent', 'varve-helper']) {
    await mkdir(join(directory, `units/${name}.service.d`));
    await writeFile(join(directory, `units/${name}.service.d/log.conf`), '[Service]\nStandardError=append:/run/log\n');
  }
  for (const name of stubs) await writeFile(join(directory, `units/${name}.target`), stub);
});

afterAll(async () => {
  if (machine && machine.exitCode === null && machine.signalCode === null) {
    const exit = once(machine, 'exit');
    machine.kill('SIGKILL');
    await exit;
  }
  await plane?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

test('it joins by its join file, removes it, and its agent follows the control plane', async () => {
  const joinFile = join(directory, 'package/etc/varve/join.json');
  const kubeconfig = ['--kubeconfig', plane.kubeconfig];
  const output = await varve([...kubeconfig, 'node', 'token', '--output-file', joinFile]);
  const file: Record<string, string> = JSON.parse(await readFile(joinFile, 'utf8'));
  expect(output).not.toContain(file.token);
  await writeFile(joinFile, JSON.stringify({ ...file, name: 'first' }));

  const options = ['--fork', '--kill-child', '--pid', '--mount', '--cgroup', '--ipc', '--uts'];
  machine = spawn('unshare', [...options, 'sh', '-c', boot, 'sh', directory], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const init = await eventually(
    'the machine boots',
    async () => /\d+/.exec(await readFile(`/proc/${machine?.pid}/task/${machine?.pid}/children`, 'utf8'))?.[0],
  );
  const root = `/proc/${init}/root`;
  const ask = (...args: string[]) => run('nsenter', `--target=${init}`, '--mount', '--pid', 'systemctl', ...args);
  const told = async <T>(what: string, condition: () => Promise<T | undefined | false>): Promise<T> =>
    await eventually(what, condition).catch(async (error: unknown) => {
      const log = await readFile(join(root, 'run/log'), 'utf8').catch(() => 'nothing');
      const states = await ask('show', '--property=Id,Result,ActiveState,ConditionResult,ExecMainStatus', 'varve-*');
      throw new Error(`${error instanceof Error ? error.message : error}\n${states}\n${log}`, { cause: error });
    });
  await told('it has joined', async () => await run('kubectl', ...kubeconfig, 'get', 'node', 'first'));
  await told('the token is gone', async () => !(await isThere(join(root, 'etc/varve/join.json'))));
  expect(await ask('show', '--property=Result', 'varve-join.service')).toBe('Result=success');
  // Without rights, and all the same: this machine is no OSTree host, so that its helper has nothing to do.
  const lease = ['get', 'lease', '--namespace', 'kube-node-lease', 'first'];
  await told('the agent follows the control plane', async () => await run('kubectl', ...kubeconfig, ...lease));
  // Its state is its own, and root's is out of its reach.
  expect(await run('stat', '--format=%U', join(root, 'var/lib/varve/agent/identity/client.pem'))).not.toBe('root');
  expect((await stat(join(root, 'var/lib/varve/host'))).mode & 0o077).toBe(0);
});

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
