import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runningDeployment } from './running-deployment.ts';

const [first, second] = [`${'a'.repeat(64)}.0`, `${'a'.repeat(64)}.1`];
let sysroot: string;

beforeEach(async () => {
  sysroot = await mkdtemp(join(tmpdir(), 'varve-running-'));
  for (const name of [first, second]) await mkdir(deployment(name), { recursive: true });
  await writeFile(`${deployment(first)}.origin`, '');
});

afterEach(async () => await rm(sysroot, { recursive: true }));

function deployment(name: string): string {
  return join(sysroot, 'ostree/deploy/default/deploy', name);
}

test('is the one whose directory is the root, wherever links lead', async () => {
  await symlink(deployment(second), join(sysroot, 'root'));
  expect(await runningDeployment(join(sysroot, 'root'), sysroot)).toBe(second);
  expect(await runningDeployment(deployment(first), sysroot)).toBe(first);
});

test('is unknown where the root is something else', async () => {
  expect(await runningDeployment(sysroot, sysroot)).toBeUndefined();
});
