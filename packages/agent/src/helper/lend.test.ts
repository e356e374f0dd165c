import { once } from 'node:events';
import { createServer } from 'node:http';
import { duplexPair } from 'node:stream';
import { digestOf, RegistryClient } from '@varve/oci';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OwnNetwork } from '../network/network.ts';
import { ByteStream, Channel } from './channel.ts';
import { Lender } from './lend.ts';

const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(Buffer.from('{}')), size: 2 };
const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [] }));
const { signal } = new AbortController();
const server = createServer((_request, response) => response.setHeader('content-type', mediaType).end(manifest));
let params: object;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  params = { image: `127.0.0.1:${port}/os`, digest: digestOf(manifest), size: manifest.length };
});
afterAll(() => server.close());

/** Lends a manifest `times`. */
async function lend(lender: Lender, times: number): Promise<void> {
  const channel = new Channel(duplexPair()[0], lender.answer);
  for (let time = 0; time < times; time++) {
    const answer = await lender.answer('manifest', params, { signal, notify: () => {}, channel });
    const bytes = answer instanceof ByteStream ? await Array.fromAsync(answer.bytes) : [];
    expect(Buffer.concat(bytes)).toEqual(manifest);
  }
}

test('one connection serves an image, and the next one after a rest: by then the host may have another certificate', async () => {
  let connections = 0;
  await using lender = new Lender(
    async () => {
      connections += 1;
      return new RegistryClient({ insecure: true });
    },
    new OwnNetwork(async () => undefined, undefined),
  );
  await lend(lender, 2);
  expect(connections).toBe(1);
  await lender.rest();
  await lend(lender, 2);
  expect(connections).toBe(2);
});

test('credentials that could not be read are read again', async () => {
  let attempts = 0;
  await using lender = new Lender(
    async () => {
      attempts += 1;
      if (attempts === 1) throw new Error('auth.json is damaged');
      return new RegistryClient({ insecure: true });
    },
    new OwnNetwork(async () => undefined, undefined),
  );
  await expect(lend(lender, 1)).rejects.toThrow('auth.json is damaged');
  await lend(lender, 1);
});
