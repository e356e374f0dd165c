import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
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

test.each(['nothing.json', 'policy.json'])('a link to %s is no machine without a policy', async (target) => {
  await symlink(target, path);
  await expect(readSignaturePolicy(root)).rejects.toMatchObject({ code: 'SIGNATURE_POLICY_INVALID' });
});

test('nobody waits for who writes into a pipe', async () => {
  await spawn('mkfifo', [path]);
  await expect(readSignaturePolicy(root)).rejects.toMatchObject({ code: 'SIGNATURE_POLICY_INVALID' });
});
