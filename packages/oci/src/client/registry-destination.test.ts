// Pushing to servers that do what real ones do on bad days. To a real registry: packages/registry.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import { mediaTypes } from '../media-types.ts';
import { inChunks } from '../tar/test-archive.ts';
import type { RegistryClientOptions } from './connection.ts';
import { RegistryDestination } from './registry-destination.ts';

const blob = Buffer.alloc(300_000, 'a blob of an image');
const descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf(blob), size: blob.length };
const manifest = Buffer.from('{"schemaVersion":2}');

type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => unknown;

const servers: Server[] = [];
const destinations: RegistryDestination[] = [];
afterEach(async () => {
  for (const destination of destinations.splice(0)) await destination[Symbol.asyncDispose]();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(handler: Handler): Promise<{ registry: string; calls: string[] }> {
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    calls.push(`${request.method} ${request.url?.replace(/sha256:.*/, 'DIGEST')}`);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    handler(request, response, Buffer.concat(chunks));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { registry: `127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}

function connect(registry: string, options: RegistryClientOptions = {}): RegistryDestination {
  const reference = { registry, repository: 'team/os', tag: 'v1' };
  const created = new RegistryDestination(reference, {
    insecure: true,
    retry: { attempts: 3, firstDelay: 5 },
    ...options,
  });
  destinations.push(created);
  return created;
}

/** A registry that has nothing and takes what it gets. */
const take: Handler = (request, response, body) => {
  if (request.method === 'HEAD') return response.writeHead(404).end();
  if (request.method === 'POST')
    return response.writeHead(202, { location: '/v2/team/os/blobs/uploads/1?state=x' }).end();
  const isBlob = request.url?.includes('/uploads/') === true;
  const isRight = isBlob ? body.equals(blob) && request.url?.includes('state=x') : body.equals(manifest);
  return response.writeHead(isRight ? 201 : 400).end();
};

const push = (destination: RegistryDestination, signal?: AbortSignal): Promise<boolean> =>
  destination.writeBlob(descriptor, () => inChunks(blob, 50_000), signal);

describe('a push', () => {
  test('asks, uploads in one piece, and names the manifest', async () => {
    const { registry, calls } = await serve(take);
    const destination = connect(registry);
    expect(await push(destination)).toBe(true);
    expect(await destination.writeManifest(manifest, mediaTypes.ociManifest)).toBe(digestOf(manifest));
    expect(calls).toEqual([
      'HEAD /v2/team/os/blobs/DIGEST',
      'POST /v2/team/os/blobs/uploads/',
      'PUT /v2/team/os/blobs/uploads/1?state=x&digest=sha256%3A'.concat(descriptor.digest.slice(7)),
      'PUT /v2/team/os/manifests/v1',
    ]);
  });

  test('sends nothing that is there', async () => {
    const { registry, calls } = await serve((_request, response) => response.writeHead(200).end());
    expect(await push(connect(registry))).toBe(false);
    expect(calls).toHaveLength(1);
  });

  test('begins again when the connection breaks, and gives up in the end', async () => {
    let uploads = 0;
    const { registry } = await serve((request, response, body) => {
      if (request.method !== 'PUT') return take(request, response, body);
      uploads += 1;
      return uploads < 3 ? response.destroy() : take(request, response, body);
    });
    expect(await push(connect(registry))).toBe(true);
    uploads = -10;
    await expect(push(connect(registry))).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(uploads).toBe(-7);
  });

  test('gets a token for pushing', async () => {
    let scope: string | null | undefined;
    const { registry } = await serve((request, response, body) => {
      if (request.url?.startsWith('/token')) {
        scope = new URL(request.url, 'http://x').searchParams.get('scope');
        return response.end('{"token":"secret"}');
      }
      if (request.headers.authorization === 'Bearer secret') return take(request, response, body);
      const realm = `http://${request.headers.host}/token`;
      return response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="s"` }).end();
    });
    expect(await push(connect(registry))).toBe(true);
    expect(scope).toBe('repository:team/os:pull,push');
  });

  test('sends no credentials to where another host takes the upload', async () => {
    let authorization: string | undefined = 'never asked';
    const other = await serve((request, response) => {
      authorization = request.headers.authorization;
      response.writeHead(201).end();
    });
    const { registry } = await serve((request, response, body) => {
      if (request.headers.authorization === undefined) {
        return response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      }
      if (request.method === 'POST')
        return response.writeHead(202, { location: `http://${other.registry}/upload` }).end();
      return take(request, response, body);
    });
    await push(connect(registry, { credentials: () => ({ username: 'me', password: 'secret' }) }));
    expect(authorization).toBeUndefined();
  });

  test.each([
    ['refuses it', (response: ServerResponse) => response.writeHead(403).end(), 'REGISTRY_UNAUTHORIZED'],
    [
      'finds it wrong',
      (response: ServerResponse) => response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID"}]}'),
      'REGISTRY_PROTOCOL',
    ],
    [
      'sends it elsewhere',
      (response: ServerResponse) => response.writeHead(307, { location: '/x' }).end(),
      'REGISTRY_PROTOCOL',
    ],
  ])('fails when the registry %s', async (_what, refuse, code) => {
    const { registry } = await serve((request, response, body) =>
      request.method === 'PUT' ? refuse(response) : take(request, response, body),
    );
    await expect(push(connect(registry))).rejects.toMatchObject({ code });
    await expect(connect(registry).writeManifest(manifest, mediaTypes.ociManifest)).rejects.toMatchObject({ code });
  });

  test.each([
    ['nowhere', {}],
    ['to another protocol', { location: 'ftp://127.0.0.1/x' }],
    ['to an address with a password', { location: 'http://a:b@127.0.0.1/x' }],
  ])('fails when the upload goes %s', async (_what, headers) => {
    const { registry } = await serve((request, response, body) =>
      request.method === 'POST' ? response.writeHead(202, headers).end() : take(request, response, body),
    );
    await expect(push(connect(registry))).rejects.toMatchObject({ code: 'REGISTRY_PROTOCOL' });
  });

  test('of what is not what it should be fails', async () => {
    const { registry } = await serve(take);
    const wrong = connect(registry).writeBlob(descriptor, () => inChunks(Buffer.alloc(blob.length)));
    await expect(wrong).rejects.toMatchObject({ code: expect.stringMatching(/MISMATCH|PROTOCOL/) });
  });

  test('of a manifest that the registry calls otherwise fails', async () => {
    const { registry } = await serve((_request, response) =>
      response.writeHead(201, { 'docker-content-digest': descriptor.digest }).end(),
    );
    await expect(connect(registry).writeManifest(manifest, mediaTypes.ociManifest)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  test('stops when aborted', async () => {
    const { registry } = await serve((request, response, body) =>
      request.method === 'PUT' ? undefined : take(request, response, body),
    );
    await expect(push(connect(registry), AbortSignal.timeout(200))).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
