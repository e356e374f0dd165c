// A registry whose disk is full: a file system of 8 MiB.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf, mediaTypes } from '@varve/oci';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { errorOf, TestRegistry } from './test-registry.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-full-'));
  await spawn('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory]);
});
afterEach(async () => {
  await spawn('umount', [directory]);
  await rm(directory, { recursive: true });
});

test('says so, keeps nothing of the push, serves what it has, and takes pushes again', async () => {
  await using registry = await TestRegistry.start({ directory });
  const kept = await registry.pushImage('os', 'v1', [randomBytes(1_000_000)]);
  const large = randomBytes(20_000_000);
  const upload = await registry.startUpload('os');
  const attempts: [string, string][] = [
    ['POST', `os/blobs/uploads/?digest=${digestOf(large)}`],
    ['PATCH', upload],
  ];
  for (const [method, path] of attempts) {
    expect(await errorOf(await registry.call(method, path, { body: large }))).toEqual([507, 'STORAGE_FULL']);
    expect(await readdir(join(directory, 'uploads'))).toHaveLength(method === 'POST' ? 1 : 0);
  }
  expect((await registry.call('HEAD', `os/blobs/${digestOf(large)}`)).status).toBe(404);
  expect((await registry.call('GET', `os/manifests/${kept}`)).status).toBe(200);
  await registry.pushImage('os', 'v2', [randomBytes(1_000_000)]);
});

test('a manifest that does not fit leaves the tag where it was', async () => {
  await using registry = await TestRegistry.start({ directory });
  const kept = await registry.pushImage('os', 'v1', [randomBytes(1000)]);
  const next = await registry.imageManifest('os', [randomBytes(1000)], {
    annotations: { filler: 'x'.repeat(3_000_000) },
  });
  for (let fill = 0; fill < 3; fill += 1) await registry.pushBlob('os', randomBytes(2_000_000));
  const headers = { 'content-type': mediaTypes.ociManifest };
  expect(await errorOf(await registry.call('PUT', 'os/manifests/v1', { body: next, headers }))).toEqual([
    507,
    'STORAGE_FULL',
  ]);
  expect((await registry.call('HEAD', 'os/manifests/v1')).headers.get('docker-content-digest')).toBe(kept);
  expect(await readdir(join(directory, 'uploads'))).toEqual([]);
});
