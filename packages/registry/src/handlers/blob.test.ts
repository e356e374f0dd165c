// https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
import { digestHex, digestOf } from '@varve/oci';
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

describe('blobs', () => {
  test('pushed at once, in one piece after a POST, and in pieces', async () => {
    expect((await registry.call('POST', `blob/once/blobs/uploads/?digest=${digest}`, { body: content })).status).toBe(
      201,
    );
    const whole = await registry.startUpload('blob/put');
    expect((await registry.call('PUT', `${whole}?digest=${digest}`, { body: content })).status).toBe(201);
    const pieces = await registry.startUpload('blob/pieces');
    const first = await registry.call('PATCH', pieces, {
      body: content.subarray(0, 4),
      headers: { 'content-range': '0-3' },
    });
    expect([first.status, first.headers.get('range'), first.headers.get('location')]).toEqual([
      202,
      '0-3',
      `/v2/${pieces}`,
    ]);
    expect((await registry.call('PATCH', pieces, { body: content.subarray(4, 7) })).headers.get('range')).toBe('0-6');
    const state = await registry.call('GET', pieces);
    expect([state.status, state.headers.get('range'), state.headers.get('location')]).toEqual([
      204,
      '0-6',
      `/v2/${pieces}`,
    ]);
    const last = await registry.call('PUT', `${pieces}?digest=${digest}`, {
      body: content.subarray(7),
      headers: { 'content-range': '7-9' },
    });
    expect([last.status, last.headers.get('location'), last.headers.get('docker-content-digest')]).toEqual([
      201,
      `/v2/blob/pieces/blobs/${digest}`,
      digest,
    ]);
    for (const name of ['once', 'put', 'pieces']) {
      const response = await registry.call('GET', `blob/${name}/blobs/${digest}`);
      expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
      expect(response.headers.get('docker-content-digest')).toBe(digest);
    }
    expect((await registry.filesIn('blobs')).filter((name) => name === digestHex(digest))).toHaveLength(1);
    expect(await registry.filesIn('uploads')).toEqual([]);
  });

  test('of no bytes', async () => {
    const empty = digestOf(new Uint8Array());
    const upload = await registry.startUpload('blob/empty');
    expect((await registry.call('PUT', `${upload}?digest=${empty}`)).status).toBe(201);
    const response = await registry.call('GET', `blob/empty/blobs/${empty}`);
    expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '0', '']);
  });

  test('out of order are refused with the upload state, and nothing is lost', async () => {
    const upload = await registry.startUpload('blob/order');
    await registry.call('PATCH', upload, { body: content.subarray(0, 4), headers: { 'content-range': '0-3' } });
    const response = await registry.call('PATCH', upload, {
      body: content.subarray(5),
      headers: { 'content-range': '5-9' },
    });
    expect(response.headers.get('range')).toBe('0-3');
    expect(await errorOf(response)).toEqual([416, 'RANGE_INVALID']);
    expect(
      (await errorOf(await registry.call('PATCH', upload, { body: 'x', headers: { 'content-range': 'nonsense' } })))[0],
    ).toBe(416);
    expect(
      (
        await registry.call('PUT', `${upload}?digest=${digest}`, {
          body: content.subarray(4),
          headers: { 'content-range': '4-9' },
        })
      ).status,
    ).toBe(201);
  });

  test.each([
    ['more', '4-5'],
    ['fewer', '4-20'],
  ])('with %s bytes than their range are taken back', async (_what, range) => {
    const upload = await registry.startUpload('blob/length');
    await registry.call('PATCH', upload, { body: content.subarray(0, 4) });
    expect(
      await errorOf(
        await registry.call('PATCH', upload, { body: content.subarray(4), headers: { 'content-range': range } }),
      ),
    ).toEqual([400, 'SIZE_INVALID']);
    expect((await registry.call('GET', upload)).headers.get('range')).toBe('0-3');
    expect((await registry.call('PUT', `${upload}?digest=${digest}`, { body: content.subarray(4) })).status).toBe(201);
  });

  test('that are not what they should be are never visible', async () => {
    const wrong = digestOf(Buffer.from('other'));
    const upload = await registry.startUpload('blob/wrong');
    expect(await errorOf(await registry.call('PUT', `${upload}?digest=${wrong}`, { body: content }))).toEqual([
      400,
      'DIGEST_INVALID',
    ]);
    expect(await errorOf(await registry.call('GET', upload))).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
    expect(
      await errorOf(await registry.call('POST', `blob/wrong/blobs/uploads/?digest=${wrong}`, { body: content })),
    ).toEqual([400, 'DIGEST_INVALID']);
    expect((await registry.call('HEAD', `blob/wrong/blobs/${wrong}`)).status).toBe(404);
    expect((await registry.call('HEAD', `blob/wrong/blobs/${digest}`)).status).toBe(404);
    expect(await registry.filesIn('uploads')).toEqual([]);
  });

  test('need a digest that is one', async () => {
    const upload = await registry.startUpload('blob/nodigest');
    expect(await errorOf(await registry.call('PUT', upload, { body: content }))).toEqual([400, 'DIGEST_INVALID']);
    expect(await errorOf(await registry.call('PUT', `${upload}?digest=sha256:..`, { body: content }))).toEqual([
      400,
      'DIGEST_INVALID',
    ]);
    expect((await registry.call('DELETE', upload)).status).toBe(204);
    expect(await errorOf(await registry.call('DELETE', upload))).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
  });

  test('are bound to the repository of their upload', async () => {
    const upload = await registry.startUpload('blob/mine');
    expect(
      await errorOf(
        await registry.call('PUT', `${upload.replace('mine', 'yours')}?digest=${digest}`, { body: content }),
      ),
    ).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
    await registry.call('DELETE', upload);
  });

  test('mounted from another repository are there; from elsewhere an upload begins', async () => {
    await registry.pushBlob('mount/source', content);
    const mounted = await registry.call('POST', `mount/target/blobs/uploads/?mount=${digest}&from=mount/source`);
    expect([mounted.status, mounted.headers.get('location')]).toEqual([201, `/v2/mount/target/blobs/${digest}`]);
    expect(await (await registry.call('GET', `mount/target/blobs/${digest}`)).text()).toBe('0123456789');
    for (const from of ['mount/nowhere', 'mount/source/deeper']) {
      const response = await registry.call('POST', `mount/other/blobs/uploads/?mount=${digest}&from=${from}`);
      expect([response.status, response.headers.has('location')]).toEqual([202, true]);
    }
    expect(
      await errorOf(await registry.call('POST', `mount/other/blobs/uploads/?mount=${digest}&from=../source`)),
    ).toEqual([400, 'NAME_INVALID']);
  });

  test('are seen only in the repository that has them', async () => {
    await registry.pushBlob('private/a', Buffer.from('secret'));
    expect(await errorOf(await registry.call('GET', `private/b/blobs/${digestOf(Buffer.from('secret'))}`))).toEqual([
      404,
      'BLOB_UNKNOWN',
    ]);
  });

  test('in parts', async () => {
    await registry.pushBlob('range', content);
    const get = async (range: string): Promise<[number, string | null, string]> => {
      const response = await registry.call('GET', `range/blobs/${digest}`, { headers: { range } });
      return [response.status, response.headers.get('content-range'), await response.text()];
    };
    expect(await get('bytes=2-4')).toEqual([206, 'bytes 2-4/10', '234']);
    expect(await get('bytes=8-')).toEqual([206, 'bytes 8-9/10', '89']);
    expect(await get('bytes=-1')).toEqual([206, 'bytes 9-9/10', '9']);
    expect((await get('bytes=10-')).slice(0, 2)).toEqual([416, 'bytes */10']);
    const head = await registry.call('HEAD', `range/blobs/${digest}`);
    expect([head.status, head.headers.get('content-length'), head.headers.get('accept-ranges')]).toEqual([
      200,
      '10',
      'bytes',
    ]);
  });

  test('in several parts at once', async () => {
    await registry.pushBlob('range', content);
    const response = await registry.call('GET', `range/blobs/${digest}`, { headers: { range: 'bytes=1-2,5-5,-1' } });
    const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(response.headers.get('content-type') ?? '')?.[1];
    const part = (range: string, text: string): string =>
      `--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${range}/10\r\n\r\n${text}\r\n`;
    const body = await response.text();
    expect(body).toBe(`${part('1-2', '12')}${part('5-5', '5')}${part('9-9', '9')}--${boundary}--\r\n`);
    expect([response.status, response.headers.get('content-length')]).toEqual([206, String(body.length)]);
  });

  test('deleted are gone, and their space with the last repository that has them', async () => {
    const bytes = Buffer.from('to be deleted');
    const doomed = await registry.pushBlob('delete/a', bytes);
    await registry.pushBlob('delete/b', bytes);
    expect((await registry.call('DELETE', `delete/a/blobs/${doomed}`)).status).toBe(202);
    expect(await errorOf(await registry.call('DELETE', `delete/a/blobs/${doomed}`))).toEqual([404, 'BLOB_UNKNOWN']);
    expect((await registry.call('HEAD', `delete/b/blobs/${doomed}`)).status).toBe(200);
    expect(await registry.filesIn('blobs')).toContain(digestHex(doomed));
    await registry.call('DELETE', `delete/b/blobs/${doomed}`);
    expect(await registry.filesIn('blobs')).not.toContain(digestHex(doomed));
  });
});
