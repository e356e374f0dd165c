// Pieces of blobs as our own client asks for them.
import {
  digestOf,
  fetchContents,
  fetchToc,
  mediaTypes,
  type OpenRanges,
  RegistryClient,
  writeChunkedLayer,
} from '@varve/oci';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestRegistry } from './test-registry.ts';

let registry: TestRegistry;
let client: RegistryClient;
beforeAll(async () => {
  registry = await TestRegistry.start();
  client = new RegistryClient({ insecure: true });
});
afterAll(async () => {
  await client.close();
  await registry[Symbol.asyncDispose]();
});

/** A ustar header with its content. */
function tarEntry(path: string, content: Buffer): Buffer {
  const block = Buffer.alloc(512);
  block.write(path, 0);
  block.write('0000644\0', 100);
  block.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  block.write('        0', 148);
  block.write('ustar\x0000', 257);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([block, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

function contentOf(index: number): Buffer {
  return Buffer.from(Array.from({ length: 3000 }, (_, position) => (position * (index + 7) * 31) % 256));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

test('single files of a chunked layer', async () => {
  const files = Array.from({ length: 600 }, (_, index) => tarEntry(`file-${index}`, contentOf(index)));
  const parts: Uint8Array[] = [];
  const layer = await writeChunkedLayer(once(Buffer.concat([...files, Buffer.alloc(1024)])), (bytes) => {
    parts.push(Buffer.from(bytes));
  });
  await registry.pushBlob('chunked', Buffer.concat(parts));
  const descriptor = {
    mediaType: mediaTypes.ociLayerZstd,
    digest: layer.digest,
    size: layer.size,
    annotations: layer.annotations,
  };
  const openRanges: OpenRanges = (blob, ranges, signal) =>
    client.openRanges({ registry: registry.host, repository: 'chunked' }, blob, ranges, signal && { signal });
  const { entries } = await fetchToc(openRanges, descriptor);
  const wanted = entries.filter((_, index) => index % 3 === 0);
  const fetched: string[] = [];
  for await (const { entry, content } of fetchContents(openRanges, descriptor, wanted)) {
    const index = Number(entry.path.replace('file-', ''));
    expect(digestOf(Buffer.concat(await Array.fromAsync(content)))).toBe(digestOf(contentOf(index)));
    fetched.push(entry.path);
  }
  expect(fetched).toEqual(wanted.map(({ path }) => path));
});
