// What the image for a cluster holds runs on a plain Debian: this machine's, with the tree of the image laid over it, for a
// user without rights and on a file system that nobody can write to.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildAgent } from '../scripts/build-agent/build.ts';
import { buildDeb } from '../scripts/build-deb/build.ts';
import { buildImageTree } from '../scripts/build-image/build.ts';
import { run } from './process.ts';

let directory: string;
let root: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-image-'));
  // A layer must not lie inside of the one below it.
  await run('mount', '-t', 'tmpfs', 'tmpfs', directory);
  const executable = join(directory, 'varve-agent');
  await buildAgent(executable);
  const tree = join(directory, 'tree');
  await buildImageTree(tree, await buildDeb(executable, directory));
  root = join(directory, 'root');
  await mkdir(root);
  await run('mount', '-t', 'overlay', 'overlay', '-o', `ro,lowerdir=${tree}:/`, root);
  await run('mount', '-t', 'proc', 'proc', join(root, 'proc'));
});

afterAll(async () => {
  for (const place of [join(root, 'proc'), root, directory]) await run('umount', place);
  await rm(directory, { recursive: true });
});

async function inImage(...command: string[]): Promise<string> {
  return await run('chroot', '--userspec=65532:65532', root, 'env', '-i', 'PATH=/usr/bin:/bin', ...command);
}

test('the controllers start', async () => {
  expect(await inImage('varve', '--version')).toMatch(/^\d+\./);
  expect(await inImage('varve', 'controller', '--help')).toContain('--identity');
  // Loads everything that it needs before it finds that there is no server.
  await expect(inImage('varve', 'controller')).rejects.toThrow('KUBECONFIG_INVALID');
});

test('it prints manifests, which run it by its entry point and its path', async () => {
  const text = await inImage('varve', 'kube', 'manifests', '--part', 'agents', '--part', 'crds', '--output', 'json');
  const { items }: { items: { kind: string }[] } = JSON.parse(text);
  expect(items.map(({ kind }) => kind)).toContain('CustomResourceDefinition');
  expect(JSON.stringify(items)).toContain('["varve-agent","kube-install"]');
});

test('the agent and what it installs are there', async () => {
  expect(await inImage('varve-agent', '--version')).toMatch(/^\d+\./);
  expect(await inImage('varve-agent', 'kube-install', '--help')).toContain('--token-file');
  expect(
    await inImage('ls', '/usr/lib/systemd/system/varve-agent.service', '/usr/lib/sysusers.d/varve.conf'),
  ).toBeDefined();
});
