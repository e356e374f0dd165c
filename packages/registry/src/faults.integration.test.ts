// A registry in a process of its own, which is killed at bad moments, and the client that pulls from it meanwhile.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestHex, digestOf, mediaTypes, RegistryClient } from '@varve/oci';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as z from 'zod';

const program = `
  const { TestRegistry } = await import(${JSON.stringify(new URL('./test-registry.ts', import.meta.url).href)});
  const registry = await TestRegistry.start({ directory: process.argv[1], port: Number(process.argv[2]) });
  process.stdout.write(registry.port + '\\n');
`;

const tagList = z.object({ tags: z.array(z.string()) });

let directory: string;
let processes: ChildProcess[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-registry-'));
  processes = [];
});
afterEach(async () => {
  for (const child of processes) await kill(child);
  await rm(directory, { recursive: true, force: true });
});

async function start(port = 0): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, directory, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  processes.push(child);
  const [line] = await once(child.stdout ?? child, 'data');
  return { child, port: Number(String(line)) };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function push(port: number, bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const url = `http://127.0.0.1:${port}/v2/os/blobs/uploads/?digest=${digestOf(bytes)}`;
  return (await fetch(url, { method: 'POST', body: bytes })).status;
}

async function blobFiles(): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

test('a pull survives a registry that is killed in the middle and comes back', async () => {
  const blob = randomBytes(64 * 1024 * 1024);
  const descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf(blob), size: blob.length };
  // Below the ports that the kernel gives to others meanwhile (ip(7), ip_local_port_range).
  const first = await start(randomInt(10_000, 32_000));
  expect(await push(first.port, blob)).toBe(201);
  await using client = new RegistryClient({ insecure: true, retry: { attempts: 10, firstDelay: 100 } });
  const reference = { registry: `127.0.0.1:${first.port}`, repository: 'os', digest: descriptor.digest };
  const received: Uint8Array[] = [];
  let restart: Promise<unknown> | undefined;
  let size = 0;
  for await (const chunk of await client.openBlob(reference, descriptor)) {
    received.push(chunk);
    size += chunk.length;
    if (size < blob.length / 4 || restart !== undefined) continue;
    await kill(first.child);
    restart = sleep(700).then(() => start(first.port));
  }
  await restart;
  expect(digestOf(Buffer.concat(received))).toBe(descriptor.digest);
});

test('a pull from a registry that does not come back fails with its name', async () => {
  const blob = randomBytes(32 * 1024 * 1024);
  const descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf(blob), size: blob.length };
  const { child, port } = await start();
  await push(port, blob);
  await using client = new RegistryClient({ insecure: true, retry: { attempts: 3, firstDelay: 10 } });
  const pull = async (): Promise<void> => {
    const reference = { registry: `127.0.0.1:${port}`, repository: 'os', digest: descriptor.digest };
    for await (const _chunk of await client.openBlob(reference, descriptor)) await kill(child);
  };
  await expect(pull()).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
});

test('an upload that is killed in the middle leaves nothing, and what was there before stays', async () => {
  const kept = randomBytes(1000);
  const lost = randomBytes(8 * 1024 * 1024);
  const first = await start();
  expect(await push(first.port, kept)).toBe(201);
  const socket = connect(first.port, '127.0.0.1').on('error', () => undefined);
  socket.write(
    `POST /v2/os/blobs/uploads/?digest=${digestOf(lost)} HTTP/1.1\r\nhost: x\r\ncontent-length: ${lost.length}\r\n\r\n`,
  );
  socket.write(lost.subarray(0, lost.length / 2));
  await expect.poll(() => readdir(join(directory, 'uploads'))).toHaveLength(1);
  await kill(first.child);
  socket.destroy();
  expect(await readdir(join(directory, 'uploads'))).toHaveLength(1);
  expect(await blobFiles()).not.toContain(digestHex(digestOf(lost)));

  const second = await start();
  expect(await readdir(join(directory, 'uploads'))).toEqual([]);
  const head = async (bytes: Uint8Array): Promise<number> =>
    (await fetch(`http://127.0.0.1:${second.port}/v2/os/blobs/${digestOf(bytes)}`, { method: 'HEAD' })).status;
  expect([await head(kept), await head(lost)]).toEqual([200, 404]);
  expect(await push(second.port, lost)).toBe(201);
  expect(await head(lost)).toBe(200);
});

test('killed at any moment of many pushes, every tag names a whole image', async () => {
  for (let round = 0; round < 6; round += 1) {
    const { child, port } = await start();
    const pushing = pushTags(port, round);
    await sleep(30 + round * 60);
    await kill(child);
    const acknowledged = await pushing;
    const { child: next, port: nextPort } = await start();
    const base = `http://127.0.0.1:${nextPort}/v2/many`;
    const listed = await fetch(`${base}/tags/list`);
    const { tags } = listed.status === 404 ? { tags: [] } : tagList.parse(await listed.json());
    for (const tag of acknowledged) expect(tags).toContain(tag);
    await using client = new RegistryClient({ insecure: true });
    for (const tag of tags) {
      const reference = { registry: `127.0.0.1:${nextPort}`, repository: 'many', tag };
      const { manifest } = await client.getImage(reference);
      for (const layer of manifest.layers) for await (const _chunk of await client.openBlob(reference, layer));
    }
    await kill(next);
  }
});

/** Pushes images until the registry is gone, and tells the tags that it acknowledged. */
async function pushTags(port: number, round: number): Promise<string[]> {
  const acknowledged: string[] = [];
  const base = `http://127.0.0.1:${port}/v2/many`;
  try {
    for (let number = 0; ; number += 1) {
      const layer = randomBytes(50_000);
      const config = Buffer.from(
        JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf(layer)] } }),
      );
      for (const blob of [layer, config])
        await fetch(`${base}/blobs/uploads/?digest=${digestOf(blob)}`, { method: 'POST', body: blob });
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
        layers: [{ mediaType: mediaTypes.ociLayer, digest: digestOf(layer), size: layer.length }],
      });
      const tag = `r${round}-${number}`;
      const response = await fetch(`${base}/manifests/${tag}`, {
        method: 'PUT',
        body: manifest,
        headers: { 'content-type': mediaTypes.ociManifest },
      });
      if (response.status === 201) acknowledged.push(tag);
    }
  } catch {
    return acknowledged;
  }
}
