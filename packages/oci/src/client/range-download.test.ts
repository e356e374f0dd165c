// Pieces of blobs from servers that do what real ones do. Against a real registry: packages/registry.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { Descriptor } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import type { BlobRange } from '../ranges/open-ranges.ts';
import type { RegistryClientOptions } from './connection.ts';
import { RegistryClient } from './registry-client.ts';

const blob = Buffer.from(Array.from({ length: 900_000 }, (_, index) => (index * 31) % 251));
const descriptor: Descriptor = { mediaType: mediaTypes.ociLayerZstd, digest: digestOf(blob), size: blob.length };
/** Far from each other, small and large. */
const ranges: BlobRange[] = [
  { offset: 10, length: 5 },
  { offset: 50_000, length: 1 },
  { offset: 100_000, length: 200_000 },
  { offset: 899_999, length: 1 },
];

type Range = [first: number, last: number];
type Answer = (ranges: Range[], response: ServerResponse, request: number) => void;

const servers: Server[] = [];
const clients: RegistryClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A server that answers by ranges; tells how many it was asked for each time. */
async function serve(answer: Answer): Promise<{ registry: string; asked: number[] }> {
  const asked: number[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const wanted = (request.headers.range ?? '').replace('bytes=', '').split(',');
    asked.push(wanted.length);
    answer(
      wanted.map((range): Range => [Number(range.split('-')[0]), Number(range.split('-')[1])]),
      response,
      asked.length,
    );
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { registry: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function read(
  registry: string,
  wanted: readonly BlobRange[] = ranges,
  options: RegistryClientOptions & { signal?: AbortSignal; client?: RegistryClient } = {},
): Promise<void> {
  const client =
    options.client ?? new RegistryClient({ insecure: true, retry: { attempts: 3, firstDelay: 5 }, ...options });
  clients.push(client);
  const reference = { registry, repository: 'os' };
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  let index = 0;
  for await (const { offset, bytes } of client.openRanges(reference, descriptor, wanted, signal)) {
    const range = wanted[index];
    expect(offset).toBe(range?.offset);
    const expected = blob.subarray(offset, offset + (range?.length ?? 0));
    expect(Buffer.concat(await Array.fromAsync(bytes)).equals(expected)).toBe(true);
    index += 1;
  }
  expect(index).toBe(wanted.length);
}

function part([first, last]: Range, boundary = 'b'): Buffer {
  const head = `--${boundary}\r\nContent-Range: bytes ${first}-${last}/${blob.length}\r\ncontent-type: text/plain\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), blob.subarray(first, last + 1), Buffer.from('\r\n')]);
}

function multipart(parts: Range[]): Buffer {
  return Buffer.concat([...parts.map((range) => part(range)), Buffer.from('--b--')]);
}

function sendMultipart(response: ServerResponse, body: Buffer): void {
  response
    .writeHead(206, { 'content-type': 'multipart/byteranges; boundary=b', 'content-length': body.length })
    .end(body);
}

function sendSingle(response: ServerResponse, [first, last]: Range): void {
  const headers = { 'content-range': `bytes ${first}-${last}/${blob.length}`, 'content-length': last - first + 1 };
  response.writeHead(206, headers).end(blob.subarray(first, last + 1));
}

describe('openRanges', () => {
  test('asks once where the server can do several ranges', async () => {
    const { registry, asked } = await serve((wanted, response) => sendMultipart(response, multipart(wanted)));
    await read(registry);
    expect(asked).toEqual([4]);
  });

  test('asks several times for very many ranges', async () => {
    const { registry, asked } = await serve((wanted, response) => sendMultipart(response, multipart(wanted)));
    await read(
      registry,
      Array.from({ length: 500 }, (_, index) => ({ offset: index * 1500, length: 3 })),
    );
    expect(asked).toEqual([128, 128, 128, 116]);
  });

  test('reads over small gaps', async () => {
    const { registry, asked } = await serve((wanted, response) => sendMultipart(response, multipart(wanted)));
    await read(
      registry,
      Array.from({ length: 500 }, (_, index) => ({ offset: index * 500, length: 300 })),
    );
    expect(asked).toEqual([1]);
  });

  test('takes parts that the server joined', async () => {
    const { registry, asked } = await serve((_wanted, response) =>
      sendMultipart(
        response,
        multipart([
          [0, 60_000],
          [90_000, 899_999],
        ]),
      ),
    );
    await read(registry);
    expect(asked).toEqual([4]);
  });

  test('takes one range that holds all', async () => {
    const { registry, asked } = await serve((wanted, response) =>
      sendSingle(response, [wanted[0]?.[0] ?? 0, wanted.at(-1)?.[1] ?? 0]),
    );
    await read(registry);
    expect(asked).toEqual([4]);
  });

  test.each([
    ['answers with everything', (response: ServerResponse) => response.writeHead(200).end(blob)],
    ['answers 400', (response: ServerResponse) => response.writeHead(400).end()],
    ['answers 416', (response: ServerResponse) => response.writeHead(416).end()],
    ['answers 501', (response: ServerResponse) => response.writeHead(501).end()],
    ['gives the first range only', (response: ServerResponse) => sendSingle(response, [10, 14])],
    [
      'gives parts in another order',
      (response: ServerResponse) =>
        sendMultipart(
          response,
          multipart([
            [50_000, 50_000],
            [10, 14],
          ]),
        ),
    ],
    ['gives fewer parts', (response: ServerResponse) => sendMultipart(response, multipart([[10, 14]]))],
    ['gives no parts', (response: ServerResponse) => sendMultipart(response, Buffer.from('--b--\r\n'))],
    [
      'gives parts without a range',
      (response: ServerResponse) => sendMultipart(response, Buffer.from('--b\r\n\r\nabc\r\n--b--')),
    ],
    [
      'gives a part that is longer',
      (response: ServerResponse) =>
        sendMultipart(response, Buffer.concat([part([10, 14]).subarray(0, -2), multipart([])])),
    ],
    ['gives headers without end', (response: ServerResponse) => sendMultipart(response, Buffer.alloc(100_000, 'x'))],
    [
      'gives lines without end',
      (response: ServerResponse) => sendMultipart(response, Buffer.from('x\r\n'.repeat(10_000))),
    ],
  ])('asks one by one where a server %s when asked for several, and remembers', async (_what, refuse) => {
    const { registry, asked } = await serve((wanted, response) => {
      if (wanted.length > 1) refuse(response);
      else if (wanted[0] !== undefined) sendSingle(response, wanted[0]);
    });
    const client = new RegistryClient({ insecure: true, retry: { attempts: 2, firstDelay: 5 } });
    await read(registry, ranges, { client });
    expect(asked[0]).toBe(4);
    expect(asked.slice(1).every((count) => count === 1)).toBe(true);
    asked.splice(0);
    await read(registry, ranges, { client });
    expect(asked).toEqual([1, 1, 1, 1]);
  });

  test.each([
    ['answers with everything', (response: ServerResponse) => response.writeHead(200).end(blob)],
    ['answers 416', (response: ServerResponse) => response.writeHead(416).end()],
    ['gives another range', (response: ServerResponse) => sendSingle(response, [700_000, 700_010])],
    ['does not say which range it gives', (response: ServerResponse) => response.writeHead(206).end('12345')],
    [
      'says nonsense',
      (response: ServerResponse) => response.writeHead(206, { 'content-range': 'bytes 5-1/x' }).end('12345'),
    ],
  ])('is refused by a server that %s', async (_what, refuse) => {
    const { registry } = await serve((_wanted, response) => refuse(response));
    await expect(read(registry)).rejects.toMatchObject({
      code: 'RANGES_UNSUPPORTED',
      message: expect.stringMatching(new RegExp(`${registry}.*${descriptor.digest}`)),
    });
  });

  test('goes on where a connection broke off, among parts and among single ranges', async () => {
    for (const several of [true, false]) {
      const { registry, asked } = await serve((wanted, response, request) => {
        const first = wanted[0] ?? [0, 0];
        if (wanted.length > 1 && !several) return response.writeHead(400).end();
        const body = several && wanted.length > 1 ? multipart(wanted) : blob.subarray(first[0], first[1] + 1);
        const headers =
          wanted.length > 1
            ? { 'content-type': 'multipart/byteranges; boundary="b"' }
            : { 'content-range': `bytes ${first[0]}-${first[1]}/${blob.length}` };
        response.writeHead(206, { ...headers, 'content-length': body.length });
        if (request % 2 === 0) return response.end(body);
        return response.write(body.subarray(0, Math.ceil(body.length / 2)), () => response.destroy());
      });
      await read(registry);
      expect(asked.length).toBeGreaterThan(1);
    }
  });

  test('gives up when nothing comes any more', async () => {
    const { registry, asked } = await serve((_wanted, response) => {
      response
        .writeHead(206, { 'content-type': 'multipart/byteranges; boundary=b' })
        .write('--b', () => response.destroy());
    });
    await expect(read(registry)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(asked).toHaveLength(3);
  });

  test('does not wait for ever for a server that stalls', async () => {
    const { registry, asked } = await serve((wanted, response, request) => {
      response.writeHead(206, { 'content-type': 'multipart/byteranges; boundary=b' });
      response.write(request === 1 ? part(wanted[0] ?? [0, 0]) : '--b');
    });
    const hurried = { idleTimeout: 300, retry: { attempts: 2, firstDelay: 5 } };
    await expect(read(registry, ranges, hurried)).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(asked).toEqual([4, 3]);
  });

  test('stops when aborted', async () => {
    const { registry } = await serve((_wanted, response) => response.writeHead(206).flushHeaders());
    await expect(read(registry, ranges, { signal: AbortSignal.timeout(100) })).rejects.toBeDefined();
    const stalling = await serve(() => undefined);
    await expect(read(stalling.registry, ranges, { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });

  test('lets go of what its consumer does not read', async () => {
    const { registry } = await serve((wanted, response) => sendMultipart(response, multipart(wanted)));
    const client = new RegistryClient({ insecure: true });
    clients.push(client);
    const offsets: number[] = [];
    for await (const { offset } of client.openRanges({ registry, repository: 'os' }, descriptor, ranges)) {
      offsets.push(offset);
      if (offset === 100_000) break;
    }
    expect(offsets).toEqual([10, 50_000, 100_000]);
  });

  test('says that there is no such blob', async () => {
    const { registry } = await serve((_wanted, response) => response.writeHead(404).end());
    await expect(read(registry)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  test.each([
    [
      'overlap',
      [
        { offset: 0, length: 10 },
        { offset: 9, length: 1 },
      ],
    ],
    [
      'go back',
      [
        { offset: 10, length: 10 },
        { offset: 0, length: 1 },
      ],
    ],
    ['are empty', [{ offset: 10, length: 0 }]],
  ])('refuses ranges that %s', async (_what, wanted) => {
    await expect(read('127.0.0.1:1', wanted)).rejects.toThrow(RangeError);
  });
});
