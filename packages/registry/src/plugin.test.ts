// https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
import { connect } from 'node:net';
import { digestOf } from '@varve/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RegistryError } from './error.ts';
import { errorOf, TestRegistry } from './test-registry.ts';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await TestRegistry.start();
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});

const content = Buffer.from('0123456789');
const digest = digestOf(content);

test('says that it is there', async () => {
  const response = await registry.call('GET', '');
  expect([response.status, await response.json()]).toEqual([200, {}]);
  expect(response.headers.get('docker-distribution-api-version')).toBe('registry/2.0');
});

describe('authorization', () => {
  test('is asked for each action and repository', async () => {
    const asked: [string, string | undefined][] = [];
    await using guarded = await TestRegistry.start({
      authorize: (request, action, repository) => {
        asked.push([action, repository]);
        if (repository === 'secret') throw new RegistryError('DENIED', 'not yours');
        if (request.headers.authorization === undefined && repository !== 'public')
          throw new RegistryError('UNAUTHORIZED', 'log in');
      },
    });
    const base = await fetch(guarded.url(''));
    expect([base.status, base.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="varve", charset="UTF-8"']);
    expect(await errorOf(base)).toEqual([401, 'UNAUTHORIZED']);
    await guarded.pushImage('public', 'v1', [content]);
    const headers = { authorization: 'Basic x' };
    const denied = await fetch(guarded.url('secret/manifests/v1'), { method: 'DELETE', headers });
    expect(await errorOf(denied)).toEqual([403, 'DENIED']);
    expect(asked).toContainEqual(['pull', undefined]);
    expect(asked).toContainEqual(['push', 'public']);
    expect(asked.at(-1)).toEqual(['delete', 'secret']);

    asked.length = 0;
    await guarded.storage.blobs.mount('secret', digest, 'public');
    const mount = await fetch(guarded.url(`public/blobs/uploads/?mount=${digest}&from=secret`), {
      method: 'POST',
      headers,
    });
    expect([mount.status, asked]).toEqual([
      202,
      [
        ['push', 'public'],
        ['pull', 'secret'],
      ],
    ]);
    expect(await (await fetch(guarded.url('_catalog'), { headers })).json()).toEqual({ repositories: ['public'] });
  });
});

describe('what nobody should send', () => {
  test.each([
    ['GET', '..%2f..%2fetc/passwd/tags/list', 400, 'NAME_INVALID'],
    ['GET', 'a/..%2F..%2Fb/tags/list', 400, 'NAME_INVALID'],
    ['PUT', 'a/manifests/..%2f..%2fx', 405, 'UNSUPPORTED'],
    ['PUT', `a/blobs/uploads/%2e%2e?digest=${digest}`, 404, 'BLOB_UPLOAD_UNKNOWN'],
    ['DELETE', 'a/tags/list', 405, 'UNSUPPORTED'],
    ['POST', 'a/manifests/v1', 405, 'UNSUPPORTED'],
    ['GET', 'nothing', 405, 'UNSUPPORTED'],
    ['GET', `${'a/'.repeat(2000)}tags/list`, 400, 'NAME_INVALID'],
    ['GET', 'a/tags/list?n=x', 400, 'UNSUPPORTED'],
  ])('%s %.60s', async (method, path, status, code) => {
    // As it is: fetch would shorten the path.
    const response = await new Promise<string>((resolve, reject) => {
      const socket = connect(registry.port, '127.0.0.1');
      let text = '';
      socket.setEncoding('latin1').on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
      socket.write(`${method} /v2/${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    });
    expect(response).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(response).toContain(`"code":"${code}"`);
  });
});
