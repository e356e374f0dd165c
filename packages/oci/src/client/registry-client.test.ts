// The client against servers that do what real ones do on bad days. Against a real registry: packages/registry.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Digest, digestOf } from '../digest.ts';
import { OciError } from '../error.ts';
import type { Descriptor } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import type { ImageReference } from '../reference.ts';
import type { RegistryClientOptions } from './connection.ts';
import { RegistryClient } from './registry-client.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const servers: Server[] = [];
const clients: RegistryClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(handler: Handler): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function connect(options: RegistryClientOptions = {}): RegistryClient {
  const client = new RegistryClient({ insecure: true, retry: { attempts: 4, firstDelay: 5 }, ...options });
  clients.push(client);
  return client;
}

const blob = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
const descriptor: Descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf(blob), size: blob.length };
const config = Buffer.from(
  JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf(blob)] } }),
);
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
    layers: [descriptor],
  }),
);
const index = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [
      {
        mediaType: mediaTypes.ociManifest,
        digest: digestOf(manifest),
        size: manifest.length,
        platform: { os: 'linux', architecture: 'riscv64' },
      },
    ],
  }),
);

function reference(registry: string, digest?: Digest): ImageReference {
  return { registry, repository: 'team/os', ...(digest === undefined ? { tag: 'v1' } : { digest }) };
}

/** Serves the image above. */
function serveImage(request: IncomingMessage, response: ServerResponse): void {
  const name = request.url?.split('/').at(-1);
  const contents: [string | undefined, Buffer, string][] = [
    ['v1', manifest, mediaTypes.ociManifest],
    [digestOf(manifest), manifest, mediaTypes.ociManifest],
    ['multi', index, mediaTypes.ociIndex],
    [digestOf(index), index, mediaTypes.ociIndex],
    [digestOf(config), config, 'application/octet-stream'],
    [digestOf(blob), blob, 'application/octet-stream'],
  ];
  const found = contents.find(([key]) => key === name);
  if (found === undefined) {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such\\u001b[31m thing"}]}');
    return;
  }
  response.writeHead(200, {
    'content-type': found[2],
    'content-length': found[1].length,
    'docker-content-digest': digestOf(found[1]),
  });
  response.end(found[1]);
}

async function readBlob(client: RegistryClient, registry: string, signal?: AbortSignal): Promise<Buffer> {
  const options = signal === undefined ? {} : { signal };
  return Buffer.concat(await Array.fromAsync(await client.openBlob(reference(registry), descriptor, options)));
}

describe('resolve', () => {
  test('tells what a tag or digest names', async () => {
    const registry = await serve(serveImage);
    const expected = { mediaType: mediaTypes.ociManifest, digest: digestOf(manifest), size: manifest.length };
    expect(await connect().resolve(reference(registry))).toEqual(expected);
    expect(await connect().resolve(reference(registry, digestOf(manifest)))).toEqual(expected);
  });

  test('reads the manifest where the headers do not tell', async () => {
    const registry = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200).end();
      else response.writeHead(200, { 'content-type': 'application/json' }).end(manifest);
    });
    expect(await connect().resolve(reference(registry))).toEqual({
      mediaType: mediaTypes.ociManifest,
      digest: digestOf(manifest),
      size: manifest.length,
    });
  });

  test('does not believe a header that contradicts the digest that was asked for', async () => {
    const registry = await serve((_request, response) => {
      const headers = {
        'content-type': mediaTypes.ociManifest,
        'content-length': '5',
        'docker-content-digest': digestOf(blob),
      };
      response.writeHead(200, headers).end();
    });
    await expect(connect().resolve(reference(registry, digestOf(manifest)))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });
});

describe('getImage', () => {
  test('gives manifest and configuration, verified', async () => {
    const registry = await serve(serveImage);
    const image = await connect().getImage(reference(registry));
    expect(image.manifestDigest).toBe(digestOf(manifest));
    expect(Buffer.from(image.manifestBytes)).toEqual(manifest);
    expect(image.config.rootfs.diff_ids).toEqual([digestOf(blob)]);
  });

  test('chooses from an index, and says what it has not', async () => {
    const registry = await serve(serveImage);
    const multi: ImageReference = { registry, repository: 'team/os', tag: 'multi' };
    const platform = { os: 'linux', architecture: 's390x' };
    await expect(connect().getImage(multi, { platform })).rejects.toMatchObject({ code: 'PLATFORM_NOT_FOUND' });
    // The index calls the image riscv64, the image itself amd64.
    const riscv = { os: 'linux', architecture: 'riscv64' };
    await expect(connect().getImage(multi, { platform: riscv })).rejects.toMatchObject({ code: 'PLATFORM_NOT_FOUND' });
  });

  test('names registry, repository and digest of what does not exist', async () => {
    const registry = await serve(serveImage);
    const missing = digestOf(Buffer.from('missing'));
    await expect(connect().getImage(reference(registry, missing))).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: expect.stringMatching(
        new RegExp(`${registry}/team/os@${missing}.*MANIFEST_UNKNOWN: no such \\[31m thing`),
      ),
    });
  });

  test('refuses a manifest that is not what the digest says', async () => {
    const registry = await serve((_request, response) =>
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(manifest),
    );
    await expect(connect().getImage(reference(registry, digestOf(blob)))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });

  test('stops reading a manifest that does not end', async () => {
    const registry = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest });
      const piece = Buffer.alloc(64 * 1024, ' ');
      const write = (): void => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', write);
      write();
    });
    await expect(connect().getImage(reference(registry))).rejects.toMatchObject({ code: 'REGISTRY_PROTOCOL' });
  });

  test('refuses an artifact that is no image', async () => {
    const artifact = Buffer.from(
      manifest.toString().replace(mediaTypes.ociConfig, 'application/vnd.oci.empty.v1+json'),
    );
    const registry = await serve((_request, response) =>
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(artifact),
    );
    await expect(connect().getImage(reference(registry))).rejects.toMatchObject({ code: 'IMAGE_CONFIG_INVALID' });
  });
});

describe('openBlob', () => {
  test('goes on where the connection broke off', async () => {
    const ranges: (string | undefined)[] = [];
    const registry = await serve((request, response) => {
      ranges.push(request.headers.range);
      const start = Number(/=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(start === 0 ? 200 : 206, {
        'content-length': blob.length - start,
        ...(start > 0 && { 'content-range': `bytes ${start}-${blob.length - 1}/${blob.length}` }),
      });
      response.write(blob.subarray(start, start + 100_000), () =>
        start + 100_000 >= blob.length ? response.end() : response.destroy(),
      );
    });
    expect((await readBlob(connect(), registry)).equals(blob)).toBe(true);
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-']);
  });

  test('begins again with a server that knows no ranges', async () => {
    let requests = 0;
    const registry = await serve((_request, response) => {
      requests += 1;
      response.writeHead(200, { 'content-length': blob.length });
      if (requests > 1) response.end(blob);
      else response.write(blob.subarray(0, 150_000), () => response.destroy());
    });
    expect((await readBlob(connect(), registry)).equals(blob)).toBe(true);
  });

  test('refuses a range that begins elsewhere', async () => {
    let requests = 0;
    const registry = await serve((_request, response) => {
      requests += 1;
      if (requests > 1)
        response.writeHead(206, { 'content-range': `bytes 5-${blob.length - 1}/${blob.length}` }).end(blob.subarray(5));
      else
        response
          .writeHead(200, { 'content-length': blob.length })
          .write(blob.subarray(0, 70_000), () => response.destroy());
    });
    await expect(readBlob(connect(), registry)).rejects.toMatchObject({ code: 'REGISTRY_PROTOCOL' });
  });

  test('gives up when nothing comes any more, after as many attempts as it may', async () => {
    let requests = 0;
    const registry = await serve((_request, response) => {
      requests += 1;
      response.writeHead(200, { 'content-length': blob.length }).write(blob.subarray(0, 10), () => response.destroy());
    });
    await expect(readBlob(connect(), registry)).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining(descriptor.digest),
    });
    expect(requests).toBe(4);
  });

  test('does not wait for ever for a server that stalls', async () => {
    let requests = 0;
    const registry = await serve((_request, response) => {
      requests += 1;
      response.writeHead(200, { 'content-length': blob.length }).write(blob.subarray(0, 10));
    });
    await expect(
      readBlob(connect({ idleTimeout: 300, retry: { attempts: 2, firstDelay: 5 } }), registry),
    ).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
    });
    expect(requests).toBe(2);
  });

  test.each([
    ['more than it should', Buffer.concat([blob, Buffer.from('x')]), 'SIZE_MISMATCH'],
    ['less than it should', blob.subarray(1), 'SIZE_MISMATCH'],
    ['something else', Buffer.concat([blob.subarray(1), Buffer.from('x')]), 'DIGEST_MISMATCH'],
  ])('refuses %s', async (_what, content, code) => {
    const registry = await serve((_request, response) => response.writeHead(200).end(content));
    await expect(readBlob(connect(), registry)).rejects.toMatchObject({ code });
  });

  test('stops when aborted', async () => {
    const registry = await serve((_request, response) =>
      response.writeHead(200, { 'content-length': blob.length }).write(blob.subarray(0, 10)),
    );
    await expect(readBlob(connect(), registry, AbortSignal.timeout(100))).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });
});

describe('a request', () => {
  test('is tried again while the registry is busy, for as long as it asks to wait', async () => {
    const times: number[] = [];
    const registry = await serve((request, response) => {
      times.push(Date.now());
      if (times.length === 1) response.writeHead(503).end();
      else if (times.length === 2) response.writeHead(429, { 'retry-after': '1' }).end();
      else serveImage(request, response);
    });
    await connect().resolve(reference(registry));
    expect((times[2] ?? 0) - (times[1] ?? 0)).toBeGreaterThanOrEqual(950);
  });

  test.each([
    [500, 'REGISTRY_UNREACHABLE', 4],
    [403, 'REGISTRY_UNAUTHORIZED', 1],
    [418, 'REGISTRY_PROTOCOL', 1],
    [404, 'IMAGE_NOT_FOUND', 1],
  ])('that gets %i fails with %s after %i attempts', async (status, code, attempts) => {
    let requests = 0;
    const registry = await serve((_request, response) => {
      requests += 1;
      response.writeHead(status).end();
    });
    await expect(connect().getImage(reference(registry))).rejects.toMatchObject({ code });
    expect(requests).toBe(attempts);
  });

  test('to nobody says which registry', async () => {
    const registry = await serve(() => undefined);
    servers.pop()?.close();
    await expect(connect().resolve(reference(registry))).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining(registry),
    });
  });

  test('uses plain HTTP only when told to', async () => {
    const registry = await serve(serveImage);
    await expect(connect({ insecure: false }).resolve(reference(registry))).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
    });
  });

  test('can be aborted while it waits for the next attempt', async () => {
    const registry = await serve((_request, response) => response.writeHead(503, { 'retry-after': '100' }).end());
    await expect(connect().resolve(reference(registry), { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({
      name: /Abort|Timeout/,
    });
  });
});

describe('credentials', () => {
  const credentials = (): { username: string; password: string } => ({ username: 'me', password: 'pa:ss' });
  const basic = `Basic ${Buffer.from('me:pa:ss').toString('base64')}`;

  test('are sent when asked for, and then at once', async () => {
    const seen: (string | undefined)[] = [];
    const registry = await serve((request, response) => {
      seen.push(request.headers.authorization);
      if (request.headers.authorization === basic) serveImage(request, response);
      else response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    });
    await connect({ credentials }).getImage(reference(registry));
    expect(seen).toEqual([undefined, basic, basic]);
  });

  test('that are wrong or missing give an error that says so, after one try', async () => {
    let requests = 0;
    const registry = await serve((_request, response) => {
      requests += 1;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    });
    await expect(connect({ credentials }).resolve(reference(registry))).rejects.toMatchObject({
      code: 'REGISTRY_UNAUTHORIZED',
    });
    expect(requests).toBe(2);
    await expect(connect().resolve(reference(registry))).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
  });

  test('get a token for the repository, used until it is refused', async () => {
    let tokens = 0;
    const scopes: (string | null)[] = [];
    let valid = '';
    const registry = await serve((request, response) => {
      const url = new URL(request.url ?? '', `http://${request.headers.host}`);
      if (url.pathname === '/token') {
        expect(request.headers.authorization).toBe(basic);
        tokens += 1;
        valid = `Bearer token-${tokens}`;
        scopes.push(url.searchParams.get('scope'), url.searchParams.get('service'));
        response.end(JSON.stringify({ access_token: `token-${tokens}`, expires_in: 300 }));
      } else if (request.headers.authorization === valid && valid !== '') serveImage(request, response);
      else
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token",service="s"` })
          .end();
    });
    const client = connect({ credentials });
    await client.getImage(reference(registry));
    expect([tokens, ...scopes]).toEqual([1, 'repository:team/os:pull', 's']);
    valid = 'Bearer another';
    await client.getImage(reference(registry));
    expect(tokens).toBe(2);
  });

  test('that are an identity token are posted to the token server, and to nobody else', async () => {
    const forms: string[] = [];
    const registry = await serve((request, response) => {
      if (request.headers.authorization === 'Bearer access') serveImage(request, response);
      else if (request.url === '/token') {
        let form = '';
        request.setEncoding('utf8').on('data', (text: string) => {
          form += text;
        });
        request.on('end', () => {
          forms.push(`${request.method} ${request.headers.authorization} ${form}`);
          response.end(JSON.stringify({ access_token: 'access' }));
        });
      } else
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token",service="s"` })
          .end();
    });
    await connect({ credentials: async () => ({ identityToken: 'identity' }) }).getImage(reference(registry));
    expect(forms).toEqual([
      'POST undefined grant_type=refresh_token&refresh_token=identity&client_id=varve&scope=repository%3Ateam%2Fos%3Apull&service=s',
    ]);
  });

  test.each([
    ['Basic realm="r"', []],
    ['Bearer realm="http://HOST/token"', ['POST /token']],
  ])('that are an identity token are no password, and follow no redirect: %s', async (challenge, expected) => {
    const seen: string[] = [];
    const registry = await serve((request, response) => {
      if (request.url?.startsWith('/v2/'))
        response.writeHead(401, { 'www-authenticate': challenge.replace('HOST', request.headers.host ?? '') }).end();
      else {
        seen.push(`${request.method} ${request.url}`);
        response.writeHead(307, { location: '/elsewhere' }).end();
      }
    });
    const client = connect({ credentials: () => ({ identityToken: 'identity' }) });
    await expect(client.resolve(reference(registry))).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    expect(seen).toEqual(expected);
  });

  test('that cannot be found out are told, after one try', async () => {
    let requests = 0;
    const registry = await serve((_request, response) => {
      requests += 1;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    });
    const error = new OciError('CREDENTIAL_HELPER_FAILED', 'docker-credential-x failed');
    await expect(connect({ credentials: () => Promise.reject(error) }).resolve(reference(registry))).rejects.toBe(
      error,
    );
    expect(requests).toBe(1);
  });

  test.each([
    ['a token server that refuses', 401, '{}', 'REGISTRY_UNAUTHORIZED'],
    ['a token with a line break', 200, '{"token":"a\\r\\nx-evil: 1"}', 'REGISTRY_PROTOCOL'],
    ['an answer without a token', 200, '{}', 'REGISTRY_PROTOCOL'],
    ['an answer that is not JSON', 200, '<html>', 'REGISTRY_PROTOCOL'],
  ])('meet %s', async (_what, status, body, code) => {
    const registry = await serve((request, response) => {
      if (request.url?.startsWith('/token')) response.writeHead(status).end(body);
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
    });
    await expect(connect().resolve(reference(registry))).rejects.toMatchObject({ code });
  });

  test.each([['file:///etc/passwd'], ['ftp://x/'], ['']])('are not taken to the token server %j', async (realm) => {
    const registry = await serve((_request, response) =>
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end(),
    );
    await expect(connect({ credentials }).resolve(reference(registry))).rejects.toMatchObject({
      code: 'REGISTRY_PROTOCOL',
    });
  });

  test('do not follow a redirect to another host, nor back from there', async () => {
    const seen: [string, string | undefined][] = [];
    const elsewhere: string = await serve((request, response) => {
      seen.push(['elsewhere', request.headers.authorization]);
      response.writeHead(302, { location: `http://${registry}/back` }).end();
    });
    const registry: string = await serve((request, response) => {
      seen.push([request.url ?? '', request.headers.authorization]);
      if (request.url === '/back') response.end(blob);
      else if (request.headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      else response.writeHead(307, { location: `http://${elsewhere}/x` }).end();
    });
    expect((await readBlob(connect({ credentials }), registry)).equals(blob)).toBe(true);
    const path = `/v2/team/os/blobs/${descriptor.digest}`;
    expect(seen).toEqual([
      [path, undefined],
      [path, basic],
      ['elsewhere', undefined],
      ['/back', undefined],
    ]);
  });

  test('stay when the redirect does', async () => {
    const registry = await serve((request, response) => {
      if (request.headers.authorization !== basic)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      else if (request.url === '/here') response.end(blob);
      else response.writeHead(307, { location: '/here' }).end();
    });
    expect((await readBlob(connect({ credentials }), registry)).equals(blob)).toBe(true);
  });
});

test.each([['file:///etc/passwd'], ['http://user:password@127.0.0.1/'], ['http://[']])(
  'a redirect to %s is refused',
  async (location) => {
    const registry = await serve((_request, response) => response.writeHead(302, { location }).end());
    await expect(readBlob(connect(), registry)).rejects.toMatchObject({ code: 'REGISTRY_PROTOCOL' });
  },
);

test('a circle of redirects ends', async () => {
  const registry = await serve((_request, response) => response.writeHead(302, { location: '/again' }).end());
  await expect(readBlob(connect(), registry)).rejects.toMatchObject({ code: 'REGISTRY_PROTOCOL' });
});
