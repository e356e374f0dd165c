// https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestHex, digestOf, maximumManifestSize, mediaTypes } from '@varve/oci';
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

describe('manifests', () => {
  test('by tag and digest, with their type', async () => {
    const manifest = await registry.pushImage('manifest/a', 'v1', [content]);
    for (const reference of ['v1', manifest]) {
      for (const method of ['GET', 'HEAD']) {
        const response = await registry.call(method, `manifest/a/manifests/${reference}`);
        const size = Number(response.headers.get('content-length'));
        expect([
          response.status,
          response.headers.get('content-type'),
          response.headers.get('docker-content-digest'),
        ]).toEqual([200, mediaTypes.ociManifest, manifest]);
        const body = Buffer.from(await response.arrayBuffer());
        expect(body.length).toBe(method === 'HEAD' ? 0 : size);
        if (method === 'GET') expect(digestOf(body)).toBe(manifest);
      }
    }
  });

  test('a tag moves as a whole', async () => {
    const first = await registry.pushImage('manifest/move', 'latest', [content]);
    const second = await registry.pushImage('manifest/move', 'latest', [Buffer.from('other')]);
    expect((await registry.call('HEAD', 'manifest/move/manifests/latest')).headers.get('docker-content-digest')).toBe(
      second,
    );
    expect((await registry.call('HEAD', `manifest/move/manifests/${first}`)).status).toBe(200);
  });

  const put = (path: string, body: string | Buffer, type: string = mediaTypes.ociManifest): Promise<Response> =>
    registry.call('PUT', path, { body, headers: { 'content-type': type } });

  test('that refer to what is not there, or is of another size, are refused', async () => {
    const manifest = await registry.imageManifest('manifest/refs', [content]);
    expect(await errorOf(await put('manifest/other/manifests/v1', manifest))).toEqual([404, 'MANIFEST_BLOB_UNKNOWN']);
    expect(await errorOf(await put('manifest/refs/manifests/v1', manifest.replace('"size":10', '"size":11')))).toEqual([
      400,
      'MANIFEST_INVALID',
    ]);
    const index = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [
        { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from(manifest)), size: manifest.length },
      ],
    };
    expect(await errorOf(await put('manifest/refs/manifests/v1', JSON.stringify(index), mediaTypes.ociIndex))).toEqual([
      404,
      'MANIFEST_BLOB_UNKNOWN',
    ]);
    expect((await put(`manifest/refs/manifests/${digestOf(Buffer.from(manifest))}`, manifest)).status).toBe(201);
    expect((await put('manifest/refs/manifests/multi', JSON.stringify(index), mediaTypes.ociIndex)).status).toBe(201);
    expect((await registry.call('HEAD', 'manifest/refs/manifests/multi')).headers.get('content-type')).toBe(
      mediaTypes.ociIndex,
    );
  });

  test('of bad form are refused', async () => {
    const manifest = await registry.imageManifest('manifest/bad', [content]);
    expect(await errorOf(await put('manifest/bad/manifests/v1', '{'))).toEqual([400, 'MANIFEST_INVALID']);
    expect(await errorOf(await put('manifest/bad/manifests/v1', manifest, mediaTypes.dockerManifest))).toEqual([
      400,
      'MANIFEST_INVALID',
    ]);
    expect(await errorOf(await put(`manifest/bad/manifests/${digest}`, manifest))).toEqual([400, 'DIGEST_INVALID']);
    expect(await errorOf(await put('manifest/bad/manifests/v1', Buffer.alloc(maximumManifestSize + 1, ' ')))).toEqual([
      413,
      'MANIFEST_INVALID',
    ]);
    expect(await errorOf(await registry.call('GET', 'manifest/bad/manifests/v1'))).toEqual([404, 'MANIFEST_UNKNOWN']);
    expect(await errorOf(await registry.call('GET', 'manifest/bad/manifests/.INVALID_MANIFEST_NAME'))).toEqual([
      404,
      'MANIFEST_UNKNOWN',
    ]);
  });

  test('deleted by tag keep the manifest, by digest lose all tags', async () => {
    const manifest = await registry.pushImage('manifest/delete', 'v1', [content]);
    await registry.pushImage('manifest/delete', 'v2', [content]);
    await registry.pushImage('manifest/delete', 'v3', [Buffer.from('other')]);
    expect((await registry.call('DELETE', 'manifest/delete/manifests/v1')).status).toBe(202);
    expect((await registry.call('HEAD', `manifest/delete/manifests/${manifest}`)).status).toBe(200);
    expect((await registry.call('DELETE', `manifest/delete/manifests/${manifest}`)).status).toBe(202);
    expect(await errorOf(await registry.call('GET', 'manifest/delete/manifests/v2'))).toEqual([
      404,
      'MANIFEST_UNKNOWN',
    ]);
    expect(await errorOf(await registry.call('DELETE', `manifest/delete/manifests/${manifest}`))).toEqual([
      404,
      'MANIFEST_UNKNOWN',
    ]);
    expect(await (await registry.call('GET', 'manifest/delete/tags/list')).json()).toEqual({
      name: 'manifest/delete',
      tags: ['v3'],
    });
  });

  test('that the disk damaged are not served', async () => {
    const manifest = await registry.pushImage('manifest/damaged', 'v1', [content]);
    const path = join(registry.directory, 'repositories/manifest/damaged/_manifests', digestHex(manifest));
    await writeFile(path, (await readFile(path, 'utf8')).replace('amd64', 'arm64').replace('"size":10', '"size":12'));
    expect(await errorOf(await registry.call('GET', 'manifest/damaged/manifests/v1'))).toEqual([500, 'STORAGE_FAILED']);
  });
});
