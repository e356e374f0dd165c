import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { Descriptor } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import { parseImageReference } from '../reference.ts';
import { parseRegistriesConf } from '../registries/registries-conf.ts';
import { MirroredRegistry } from './mirrored-registry.ts';

const layer = Buffer.from('a layer of an image');
const descriptor: Descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf(layer), size: layer.length };
const config = Buffer.from(
  JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf(layer)] } }),
);
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
    layers: [descriptor],
  }),
);

interface TestServer {
  host: string;
  paths: string[];
}

const servers: Server[] = [];
const registries: MirroredRegistry[] = [];
afterEach(async () => {
  for (const registry of registries.splice(0)) await registry.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A registry over HTTP; what it lacks it answers with 404, and without `ranges` it gives only whole blobs. */
async function serve(contents: Buffer[], ranges = true): Promise<TestServer> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(`${request.url}`);
    const name = request.url?.split('/').at(-1);
    const found = contents.find((content) => name === digestOf(content) || (name === 'v1' && content === manifest));
    if (found === undefined) return response.writeHead(404).end();
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    if (ranges && first !== undefined) {
      response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${found.length}` });
      return response.end(found.subarray(Number(first), Number(last) + 1));
    }
    return response.writeHead(200, { 'content-type': found === manifest ? mediaTypes.ociManifest : 'a/b' }).end(found);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, paths };
}

function connect(registry: string, mirrors: string[]): MirroredRegistry {
  const tables = mirrors.map((mirror) => `[[registry.mirror]]\nlocation = "${mirror}"\ninsecure = true\n`);
  const text = `[[registry]]\nprefix = "os.example"\nlocation = "${registry}"\ninsecure = true\n${tables.join('')}`;
  const created = new MirroredRegistry(parseRegistriesConf(text, 'x'), { retry: { attempts: 1, firstDelay: 5 } });
  registries.push(created);
  return created;
}

const reference = parseImageReference('os.example/team/os:v1');
const all = [manifest, config, layer];

async function read(registry: MirroredRegistry): Promise<string> {
  return Buffer.concat(await Array.fromAsync(await registry.openBlob(reference, descriptor))).toString();
}

async function readRange(registry: MirroredRegistry): Promise<string> {
  const parts: string[] = [];
  for await (const { bytes } of registry.openRanges(reference, descriptor, [{ offset: 2, length: 5 }])) {
    parts.push(Buffer.concat(await Array.fromAsync(bytes)).toString());
  }
  return parts.join();
}

describe('a mirror', () => {
  test('is asked first, under its own name; the image keeps the name that it was asked for by', async () => {
    const [home, mirror] = [await serve(all), await serve(all)];
    const registry = connect(home.host, [`${mirror.host}/copies`]);
    const image = await registry.getImage(reference);
    expect([image.reference, image.manifestDigest]).toEqual([reference, digestOf(manifest)]);
    expect((await registry.resolve(reference)).digest).toBe(digestOf(manifest));
    expect(await read(registry)).toBe(layer.toString());
    expect(await readRange(registry)).toBe('layer');
    expect(home.paths).toEqual([]);
    expect(mirror.paths).toContain('/v2/copies/team/os/manifests/v1');
  });

  test.each([
    ['lacks the image', []],
    ['lacks a blob', [manifest, config]],
  ])('that %s is passed over', async (_what, contents) => {
    const registry = connect((await serve(all)).host, [(await serve(contents)).host]);
    await registry.getImage(reference);
    expect(await read(registry)).toBe(layer.toString());
    expect(await readRange(registry)).toBe('layer');
  });

  test.each([
    ['lacks the blob', [manifest, config], true],
    ['gives no ranges', all, false],
  ])('that %s is passed over for pieces of it', async (_what, contents, ranges) => {
    const mirror = await serve(contents, ranges);
    expect(await readRange(connect((await serve(all)).host, [mirror.host]))).toBe('layer');
    expect(mirror.paths).toHaveLength(1);
  });

  test('that is down is passed over', async () => {
    const registry = connect((await serve(all)).host, ['127.0.0.1:9', (await serve([])).host]);
    await registry.getImage(reference);
    expect(await read(registry)).toBe(layer.toString());
  });

  test('without ranges does not hide that the whole can be had', async () => {
    const registry = connect('127.0.0.1:9', [(await serve(all, false)).host]);
    await registry.getImage(reference);
    await expect(readRange(registry)).rejects.toMatchObject({ code: 'RANGES_UNSUPPORTED' });
    expect(await read(registry)).toBe(layer.toString());
  });
});

test('the error of the registry itself is told when nothing gives the image', async () => {
  const home = await serve([]);
  await expect(connect(home.host, ['127.0.0.1:9']).getImage(reference)).rejects.toMatchObject({
    code: 'IMAGE_NOT_FOUND',
    message: expect.stringContaining(home.host),
  });
});

test('an abort ends the search', async () => {
  const registry = connect((await serve(all)).host, ['127.0.0.1:9']);
  const signal = AbortSignal.abort(new RangeError('stop'));
  await expect(registry.getImage(reference, { signal })).rejects.toThrow('stop');
});
