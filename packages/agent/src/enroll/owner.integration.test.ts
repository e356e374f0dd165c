import { chown, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nobody } from '../fixtures/nobody.ts';
import { writeServer } from './identity.ts';
import { asOwnerOf } from './owner.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-owner-'));
});
afterEach(async () => await rm(directory, { recursive: true, force: true }));

test("what is written into the agent's directory is the agent's, and root is root again", async () => {
  await chown(directory, nobody, nobody);
  const identity = join(directory, 'identity');
  await asOwnerOf(directory, () => writeServer(identity, { server: 'https://a:1', nodeName: 'a' }));
  expect(await stat(join(identity, 'server.json'))).toMatchObject({ uid: nobody, gid: nobody });
  expect([process.geteuid?.(), process.getegid?.()]).toEqual([0, 0]);
});

test('a trap that the agent has laid catches nothing of root', async () => {
  const precious = join(directory, 'precious');
  await writeFile(precious, 'of root', { mode: 0o600 });
  const own = await mkdtemp(join(tmpdir(), 'varve-owner-'));
  await chown(own, nobody, nobody);
  await symlink(directory, join(own, 'identity'));
  const write = () => writeServer(join(own, 'identity'), { server: 'https://a:1', nodeName: 'a' });
  await expect(asOwnerOf(own, write)).rejects.toMatchObject({ code: expect.stringMatching(/^E(ACCES|PERM)$/) });
  expect(await readFile(precious, 'utf8')).toBe('of root');
  expect(process.geteuid?.()).toBe(0);
  await rm(own, { recursive: true });
});

test('where root owns the directory, or there is none yet, root does it', async () => {
  expect(await asOwnerOf(directory, async () => process.geteuid?.())).toBe(0);
  expect(await asOwnerOf(join(directory, 'none'), async () => process.geteuid?.())).toBe(0);
});
