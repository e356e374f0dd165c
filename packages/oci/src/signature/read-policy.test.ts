import { mkdir, mkdtemp, mkdtempDisposable, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSignaturePolicy } from './read-policy.ts';

let root: string;
let path: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'varve-policy-'));
  path = join(root, 'etc/containers/policy.json');
  await mkdir(join(root, 'etc/containers'), { recursive: true });
});
afterEach(() => rm(root, { recursive: true }));

test('a machine without a policy has none', async () => {
  expect(await readSignaturePolicy(root)).toBeUndefined();
  expect(await readSignaturePolicy(join(root, 'nothing'))).toBeUndefined();
});

test('a policy behind a link counts', async () => {
  await writeFile(join(root, 'p.json'), '{"default":[{"type":"reject"}]}');
  await symlink('../../p.json', path);
  expect(await readSignaturePolicy(root)).toMatchObject({ default: [{ type: 'reject' }] });
});

const keyed = { type: 'sigstoreSigned', keyPath: '/etc/pki/a.pub' };

test('absolute links of another root lead to what is in it, for the policy and for its keys', async () => {
  const reject = { type: 'reject' };
  await mkdir(join(root, 'usr'));
  await writeFile(join(root, 'usr/p.json'), JSON.stringify({ default: [reject, keyed] }));
  await symlink('/usr/p.json', path);
  await symlink('/usr', join(root, 'etc/pki'));
  await writeFile(join(root, 'usr/a.pub'), 'key');
  const trust = expect.objectContaining({ keys: [expect.objectContaining({ text: 'key' })] });
  expect(await readSignaturePolicy(root)).toMatchObject({ default: [reject, { trust }] });
});

test('no link of another root leads to a file of this machine', async () => {
  await using outside = await mkdtempDisposable(join(tmpdir(), 'varve-policy-'));
  for (const name of ['policy.json', 'a.pub'])
    await writeFile(join(outside.path, name), JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  await mkdir(join(root, 'etc/pki'));
  for (const target of [join(outside.path, 'policy.json'), `${'../'.repeat(30)}${outside.path}/policy.json`]) {
    await symlink(target, path);
    await expect(readSignaturePolicy(root)).rejects.toMatchObject({ code: 'SIGNATURE_POLICY_INVALID' });
    await rm(path);
  }
  await writeFile(path, JSON.stringify({ default: [keyed] }));
  await symlink(join(outside.path, 'a.pub'), join(root, keyed.keyPath));
  const keys = [expect.objectContaining({ problem: 'it is a link that leads nowhere' })];
  expect(await readSignaturePolicy(root)).toMatchObject({ default: [{ trust: { keys } }] });
});

test.each(['nothing.json', 'policy.json'])('a link to %s is no machine without a policy', async (target) => {
  await symlink(target, path);
  await expect(readSignaturePolicy(root)).rejects.toMatchObject({ code: 'SIGNATURE_POLICY_INVALID' });
});

test('nobody waits for who writes into a pipe', async () => {
  await spawn('mkfifo', [path]);
  await expect(readSignaturePolicy(root)).rejects.toMatchObject({ code: 'SIGNATURE_POLICY_INVALID' });
});
