// Imports from registries that have bad days, over real connections.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryClient } from '@varve/oci';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ImportedImage, importImage } from './image.ts';
import { imageRef, layerRefPrefix } from './ref-name.ts';
import { Repository } from './repository.ts';
import { bootableLayer, chunkedImage, type TestImage, testImage } from './testing/image.ts';
import { fsck } from './testing/sysroot.ts';
import type { TarInput } from './testing/tar.ts';

/** Answers the request of this number, beginning with 0, for a part of a blob. */
type Fault = (response: ServerResponse, answer: BlobAnswer, request: number) => void;

interface BlobAnswer {
  readonly blob: Buffer;
  /** The bytes that are asked for, and whether a range was. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly isRange: boolean;
}

const before: readonly TarInput[] = [...bootableLayer, { path: 'usr/present', content: randomBytes(300_000) }];
const after: readonly TarInput[] = [
  ...before,
  { path: 'usr/one', content: randomBytes(200_000) },
  { path: 'usr/other', content: randomBytes(200_000) },
];

let directory: string;
let repository: Repository;
let refs: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-registry-'));
  repository = await Repository.create(join(directory, 'repo'), 'bare');
  await importImage({ repository, ...testImage([before], { reference: 'localhost/os:1' }) });
  refs = await repository.listRefs(layerRefPrefix);
});

afterEach(async () => {
  await fsck(repository.path);
  await rm(directory, { recursive: true, force: true });
});

function honest(response: ServerResponse, { blob, bytes, start, isRange }: BlobAnswer): void {
  const range = { 'content-range': `bytes ${start}-${start + bytes.length - 1}/${blob.length}` };
  response.writeHead(isRange ? 206 : 200, { 'content-length': bytes.length, ...(isRange && range) });
}

async function blobOf({ image, openLayer }: TestImage): Promise<Buffer> {
  const [layer] = image.manifest.layers;
  if (layer === undefined) throw new Error('no layer');
  return Buffer.concat(await Array.fromAsync(await openLayer(layer)));
}

/** One range at a time, as most registries. */
function answerTo(request: IncomingMessage, blob: Buffer): BlobAnswer | undefined {
  const { range } = request.headers;
  if (range === undefined) return { blob, bytes: blob, start: 0, isRange: false };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  if (first === undefined) return undefined;
  const end = last ? Number(last) + 1 : blob.length;
  return { blob, bytes: blob.subarray(Number(first), end), start: Number(first), isRange: true };
}

async function importFrom(image: TestImage, fault: Fault): Promise<ImportedImage> {
  const blob = await blobOf(image);
  image.opened.length = 0;
  let requests = 0;
  const server = createServer((request, response) => {
    const answer = answerTo(request, blob);
    if (answer === undefined) response.writeHead(416).end();
    else fault(response, answer, requests++);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const reference = { registry: `127.0.0.1:${address.port}`, repository: 'os' };
  const retry = { attempts: 4, firstDelay: 5 };
  await using client = new RegistryClient({ insecure: true, idleTimeout: 1_500, retry });
  try {
    return await importImage({
      repository,
      image: image.image,
      openLayer: (descriptor, signal) => client.openBlob(reference, descriptor, { signal }),
      openRanges: (descriptor, ranges, signal) =>
        client.openRanges(reference, descriptor, ranges, signal === undefined ? {} : { signal }),
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('an update comes through where a registry', () => {
  test.each<[string, Fault]>([
    [
      'closes connections early',
      (response, answer, request) => {
        honest(response, answer);
        if (request % 2 === 1) response.end(answer.bytes);
        else response.write(answer.bytes.subarray(0, answer.bytes.length / 2), () => response.destroy());
      },
    ],
    [
      'stalls in the middle',
      (response, answer, request) => {
        honest(response, answer);
        if (request % 2 === 1) response.end(answer.bytes);
        else response.write(answer.bytes.subarray(0, answer.bytes.length / 2));
      },
    ],
    [
      'is too busy for now',
      (response, answer, request) => {
        if (request % 2 === 0) response.writeHead(503).end();
        else {
          honest(response, answer);
          response.end(answer.bytes);
        }
      },
    ],
  ])('%s, and fetches what is missing', async (_, fault) => {
    const { bytesFetched, bytesReused } = await importFrom(await chunkedImage([after]), fault);
    expect(bytesFetched).toBeGreaterThan(400_000);
    expect(bytesReused).toBeGreaterThan(290_000);
  });

  test('answers 200 with everything when asked for a range, and fetches the layer', async () => {
    const image = await chunkedImage([after]);
    const fault: Fault = (response, { blob }) => response.writeHead(200, { 'content-length': blob.length }).end(blob);
    expect(await importFrom(image, fault)).toMatchObject({ bytesReused: 0 });
  });
});

describe('an update ends with an error, and leaves nothing, where a registry', () => {
  test.each<[string, Fault, string]>([
    ['redirects in a circle', (response) => response.writeHead(307, { location: '/again' }).end(), 'REGISTRY_PROTOCOL'],
    ['never answers', () => undefined, 'REGISTRY_UNREACHABLE'],
    ['closes every connection', (response) => response.destroy(), 'REGISTRY_UNREACHABLE'],
    [
      'gives other bytes',
      (response, answer) => {
        honest(response, answer);
        response.end(Buffer.alloc(answer.bytes.length, 'other'));
      },
      'DIGEST_MISMATCH',
    ],
    ['does not know the blob', (response) => response.writeHead(404).end(), 'IMAGE_NOT_FOUND'],
  ])('%s', async (_, fault, code) => {
    const image = await chunkedImage([after]);
    await expect(importFrom(image, fault)).rejects.toMatchObject({ code });
    expect(await repository.listRefs(layerRefPrefix)).toEqual(refs);
    expect(await repository.readRef(imageRef(image.image.reference))).toBeUndefined();
    expect((await readdir(join(repository.path, 'tmp'))).filter((name) => name.startsWith('varve-'))).toEqual([]);
  });
});
