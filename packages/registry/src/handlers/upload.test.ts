// https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
import { readdir, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { digestOf } from '@varve/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, TestRegistry } from '../test-registry.ts';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await TestRegistry.start();
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});

const content = Buffer.from('0123456789');
const digest = digestOf(content);

describe('an upload that breaks off', () => {
  /** Sends a request's head and the beginning of its body, and hangs up. */
  async function breakOff(method: string, path: string, sent: Buffer, length: number): Promise<void> {
    const socket = connect(registry.port, '127.0.0.1');
    socket.write(`${method} /v2/${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`);
    socket.write(sent);
    await expect.poll(storedBytes).toBe(sent.length);
    socket.destroy();
  }

  async function storedBytes(): Promise<number> {
    let bytes = 0;
    for (const name of await registry.filesIn('uploads')) {
      bytes += (await stat(join(registry.directory, 'uploads', name))).size;
    }
    return bytes;
  }

  test('goes on where it was', async () => {
    const upload = await registry.startUpload('broken/patch');
    await breakOff('PATCH', upload, content.subarray(0, 4), 10);
    await expect.poll(async () => (await registry.call('GET', upload)).headers.get('range')).toBe('0-3');
    const rest = { body: content.subarray(4), headers: { 'content-range': '4-9' } };
    // The end of the first one may not be noticed yet.
    await expect.poll(async () => (await registry.call('PUT', `${upload}?digest=${digest}`, rest)).status).toBe(201);
  });

  test('in its last piece makes nothing visible, even when the digest of the part was announced', async () => {
    const part = digestOf(content.subarray(0, 4));
    const upload = await registry.startUpload('broken/put');
    await breakOff('PUT', `${upload}?digest=${part}`, content.subarray(0, 4), 10);
    expect((await registry.call('HEAD', `broken/put/blobs/${part}`)).status).toBe(404);
    await expect.poll(async () => (await registry.call('GET', upload)).headers.get('range')).toBe('0-3');
    await expect.poll(async () => (await registry.call('DELETE', upload)).status).toBe(204);
    await breakOff('POST', `broken/post/blobs/uploads/?digest=${part}`, content.subarray(0, 4), 10);
    expect((await registry.call('HEAD', `broken/post/blobs/${part}`)).status).toBe(404);
    await expect.poll(() => registry.filesIn('uploads')).toEqual([]);
  });

  test('refuses a second writer meanwhile', async () => {
    const upload = await registry.startUpload('broken/twice');
    const socket = connect(registry.port, '127.0.0.1');
    socket.write(`PATCH /v2/${upload} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n0123`);
    await expect.poll(storedBytes).toBe(4);
    expect(await errorOf(await registry.call('PATCH', upload, { body: 'x' }))).toEqual([409, 'BLOB_UPLOAD_INVALID']);
    expect(await errorOf(await registry.call('DELETE', upload))).toEqual([409, 'BLOB_UPLOAD_INVALID']);
    socket.destroy();
    await expect.poll(async () => (await registry.call('DELETE', upload)).status).toBe(204);
  });

  test('is ended when its client falls silent', async () => {
    await using patient = await TestRegistry.start({ idleTimeout: 200 });
    const socket = connect(patient.port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => undefined);
    socket.write(
      `POST /v2/silent/blobs/uploads/?digest=${digest} HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n0123`,
    );
    await closed;
    await expect.poll(() => readdir(join(patient.directory, 'uploads'))).toEqual([]);
  });
});
