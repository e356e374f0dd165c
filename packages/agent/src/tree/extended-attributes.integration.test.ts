// Extended attributes as tools set them, on a real file system: what is seen, what a config's own entries are left with, and
// what comes back.
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkContent } from '../content/check.ts';
import { LiveTree } from '../fixtures/live-tree.ts';
import { writeFileBeside } from './beside.ts';
import { listAttributes } from './c-library.ts';
import { copyOut } from './copy-out.ts';
import { loadNamesAt } from './extended-attributes.ts';

/** What setcap(8) writes for cap_net_raw=ep (linux/capability.h, struct vfs_cap_data). */
const capability = ['security.capability', '0x0100000200200000000000000000000000000000'] as const;
/** The user 4711 may read and write, within a mask of r-- (acl(5); linux/posix_acl_xattr.h). */
const list = `0x02000000${[
  ...['01000600ffffffff', '0200060067120000', '04000400ffffffff'],
  ...['10000400ffffffff', '20000400ffffffff'],
].join('')}`;
const access = ['system.posix_acl_access', list] as const;
const inherited = ['system.posix_acl_default', list] as const;
const byUser = ['user.note', '0x6869'] as const;
const namesAt = await loadNamesAt();
const none = { mode: 0o644, uid: 0, gid: 0 };

let host: LiveTree;
beforeEach(async () => {
  host = await LiveTree.create();
});
afterEach(async () => await host[Symbol.asyncDispose]());

const at = (path: string) => join(host.tree.root, path);

async function set([name, value]: readonly [string, string], path: string): Promise<void> {
  await spawn('setfattr', ['--no-dereference', `--name=${name}`, `--value=${value}`, path]);
}

async function get(name: string, path: string): Promise<string> {
  const arguments_ = ['--absolute-names', '--encoding=hex', '--only-values', `--name=${name}`, path];
  return (await spawn('getfattr', arguments_)).stdout;
}

const storage = {
  directories: [{ path: '/etc/app', mode: 0o755 }],
  files: [{ path: '/etc/app/tool', mode: 0o755, contents: { source: 'data:,x' } }],
  links: [{ path: '/etc/app/link', target: 'tool' }],
};
const config = (more: object = {}) => ({
  config: { ignition: { version: '3.4.0' }, storage: { ...storage, ...more } },
});

async function drift(): Promise<string[]> {
  const found = await checkContent(host.tree, await host.record());
  return found.map(({ path, kind, message }) => `${kind} ${path} ${message}`);
}

describe('what was put on a managed path by another hand is drift', () => {
  test.each([
    ['a capability', '/etc/app/tool', capability],
    ['an access control list', '/etc/app/tool', access],
    ['an attribute of a user', '/etc/app/tool', byUser],
    ['an access control list of a directory', '/etc/app', access],
    ['a list that a directory hands on', '/etc/app', inherited],
    ['an attribute of a user on a directory', '/etc/app', byUser],
  ] as const)('%s on %s', async (_, path, attribute) => {
    await host.apply('one', config());
    expect(await drift()).toEqual([]);
    await set(attribute, at(path));
    const told = `ExtendedAttributes ${path} has the extended attributes "${attribute[0]}", the config gives it none`;
    expect(await drift()).toContain(told);
    // The next config has the same for it, and puts it right.
    await host.apply('two', config());
    expect(await drift()).toEqual([]);
    expect(namesAt(at(path))).toEqual([]);
  });

  test('but not the label that a policy gives it, nor what lies beside it', async () => {
    await host.apply('one', config());
    const label = ['security.selinux', 'system_u:object_r:etc_t:s0'] as const;
    for (const path of ['/etc/app', '/etc/app/tool', '/etc/app/link']) await set(label, at(path));
    await writeFile(at('/etc/app/other'), '');
    await set(capability, at('/etc/app/other'));
    expect(await drift()).toEqual([]);
  });

  test('a few of many are named, on one line', async () => {
    await host.apply('one', config());
    for (const index of Array(7).keys()) await set([`user.a\n${index}`, '0x00'], at('/etc/app/tool'));
    const [told, ...more] = await drift();
    expect(told).toMatch(/"user\.a\\n0", .*"user\.a\\n4" and 2 more, the config gives it none$/);
    expect([told?.includes('\n'), more]).toEqual([false, []]);
  });
});

describe('what is written', () => {
  test('has nothing that its directory would hand on', async () => {
    await host.tree.writeDirectory('/etc/app', { ...none, mode: 0o755 });
    await set(inherited, at('/etc/app'));
    await host.tree.writeFile('/etc/app/file', Buffer.from('x'), { ...none, mode: 0o640 });
    await writeFileBeside(host.tree, '/etc/app/other', '.new', Buffer.from('x'), { ...none, mode: 0o640 });
    await host.tree.writeDirectory('/etc/app/directory', { ...none, mode: 0o750 });
    for (const name of ['file', '.new', 'directory']) expect(namesAt(at(`/etc/app/${name}`))).toEqual([]);
    expect(((await host.tree.lstat('/etc/app/file'))?.mode ?? 0) & 0o7777).toBe(0o640);
    expect(((await host.tree.lstat('/etc/app/directory'))?.mode ?? 0) & 0o7777).toBe(0o750);
  });

  test('has what it is given, byte for byte', async () => {
    await host.tree.writeFile('/etc/from', Buffer.from('x'), none);
    await set(capability, at('/etc/from'));
    await set(['user.empty', ''], at('/etc/from'));
    const extended = await host.tree.extended('/etc/from');
    await host.tree.writeFile('/etc/to', Buffer.from('x'), { ...none, extended });
    expect(await host.tree.extended('/etc/to')).toEqual(extended);
    expect(await get(capability[0], at('/etc/to'))).toBe(await get(capability[0], at('/etc/from')));
  });
});

describe('what comes back', () => {
  test.each(['fails', 'is killed'])('is a directory with its list, when the change %s', async (how) => {
    await host.tree.writeDirectory('/etc/app', { ...none, mode: 0o755 });
    await set(access, at('/etc/app'));
    await set(byUser, at('/etc/app'));
    const before = await host.snapshot();
    const fail = () => {
      throw new Error('fails');
    };
    if (how === 'fails') {
      await expect(host.apply('one', config(), { onAction: fail })).rejects.toThrow('fails');
    } else await host.apply('one', config(), { isWell: false });
    expect(await host.snapshot()).toEqual(before);
    expect(Object.keys(await host.tree.extended('/etc/app'))).toEqual([access[0], byUser[0]]);
  });

  test("is the image's own version, and a user's own file of /var, when no config names them any more", async () => {
    await host.tree.writeFile('/usr/etc/tool', Buffer.from('of the image'), { ...none, mode: 0o755 });
    await set(capability, at('/usr/etc/tool'));
    const state = join(host.directory, 'var/lib/app/state.conf');
    await set(byUser, state);
    await set(access, state);
    const before = await host.tree.extended('/var/lib/app/state.conf');
    const files = ['/etc/tool', '/var/lib/app/state.conf'].map((path) => ({ path, contents: { source: 'data:,x' } }));
    await host.apply('one', config({ files }));
    expect(await drift()).toEqual([]);
    expect(await host.tree.extended('/var/lib/app/state.conf')).toEqual({});
    await host.apply('two', {});
    expect(Object.keys(await host.tree.extended('/etc/tool'))).toEqual([capability[0]]);
    expect(await host.tree.extended('/var/lib/app/state.conf')).toEqual(before);
  });
});

test('an original that is copied out is told of with what it has, and of a link nothing is', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'varve-extended-'));
  try {
    await writeFile(join(directory, 'file'), 'x');
    await set(byUser, join(directory, 'file'));
    expect(await copyOut(join(directory, 'file'), join(directory, 'copy'))).toMatchObject({
      extended: { 'user.note': Buffer.from('hi').toString('base64') },
    });
    await host.tree.writeLink('/etc/link', join(directory, 'file'), { uid: 0, gid: 0 });
    expect(await host.tree.extended('/etc/link')).toEqual({});
    expect(namesAt(at('/etc/link'))).toEqual([]);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('what has none, may have none or is not there', async () => {
  expect(namesAt('/proc/self/status')).toEqual([]);
  expect(() => namesAt('/nowhere')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  expect(() => namesAt('/dev/null/x')).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  const file = await open('/dev/null');
  const { fd } = file;
  await file.close();
  expect(() => listAttributes(fd)).toThrow(expect.objectContaining({ code: 'EBADF' }));
});
