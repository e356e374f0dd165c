import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OwnNetwork } from '../network/network.ts';
import { type Source, SourceCache } from './source.ts';

let directory: string;
let server: Server;
let requests: number;
let body: Buffer;
let cache: SourceCache;
const { signal } = new AbortController();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-source-'));
  requests = 0;
  body = Buffer.from('content');
  server = createServer((_request, response) => {
    requests++;
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cache = new SourceCache(join(directory, 'sources'), new OwnNetwork(async () => undefined, undefined));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true });
});

function remote(content: string, compression?: 'gzip'): Source {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const hash = `sha512-${createHash('sha512').update(content).digest('hex')}`;
  return {
    contents: {
      source: `http://127.0.0.1:${port}/file?token=secret`,
      verification: { hash },
      ...(compression ? { compression } : {}),
    },
    field: 'spec.config.storage.files[0].contents',
  };
}

const read = async (source: Source) => Buffer.from(await cache.read(source, signal)).toString();

test('a remote source is fetched once, and again only when its copy is damaged', async () => {
  const source = remote('content');
  expect(await read(source)).toBe('content');
  expect(await read(source)).toBe('content');
  expect(requests).toBe(1);
  const [name = ''] = await readdir(join(directory, 'sources'));
  await writeFile(join(directory, 'sources', name), 'damaged');
  expect(await read(source)).toBe('content');
  expect(requests).toBe(2);
});

test('gzip is unpacked before its hash is compared', async () => {
  body = gzipSync('content');
  expect(await read(remote('content', 'gzip'))).toBe('content');
});

test('other bytes, or none, are refused without telling the secrets of the URL, and nothing is kept', async () => {
  const source = remote('other');
  const wrong = await read(source).catch((error) => error);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const gone = await read(source).catch((error) => error);
  for (const error of [wrong, gone]) {
    expect(error).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    expect(error.message).not.toContain('secret');
    expect(error.message).toContain('spec.config.storage.files[0].contents');
  }
  expect(await readdir(directory)).toEqual([]);
});

test('sources that no config names are forgotten', async () => {
  await read(remote('content'));
  await cache.keepOnly([remote('content')]);
  expect(await readdir(join(directory, 'sources'))).toHaveLength(1);
  await cache.keepOnly([]);
  expect(await readdir(join(directory, 'sources'))).toEqual([]);
});
