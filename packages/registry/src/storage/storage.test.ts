import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '@varve/oci';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoragePaths } from './paths.ts';
import { RegistryStorage } from './storage.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-storage-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const bytes = Buffer.from('content');
const digest = digestOf(bytes);

async function* one(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}

async function push(storage: RegistryStorage, repository: string): Promise<void> {
  await storage.blobs.finishUpload(await storage.blobs.startUpload(repository), digest, { source: one(bytes) });
}

test('opening removes what a killed process left, and keeps what a repository has', async () => {
  const paths = new StoragePaths(directory);
  {
    await using storage = await RegistryStorage.open(directory);
    await push(storage, 'kept');
  }
  // As after a kill between the rename of an upload and its link, and in the middle of an upload.
  const orphan = paths.blob(digestOf(Buffer.from('orphan')));
  await mkdir(join(orphan, '..'), { recursive: true });
  await writeFile(orphan, 'orphan');
  await writeFile(join(paths.uploads, 'half'), 'or');

  await using storage = await RegistryStorage.open(directory);
  expect(await readdir(paths.uploads)).toEqual([]);
  expect(await readdir(join(orphan, '..'))).toEqual([]);
  expect(await storage.blobs.size('kept', digest)).toBe(bytes.length);
  expect(await readdir(join(paths.blob(digest), '..'))).toHaveLength(1);
});

test('a repository keeps its blob where the shared name is lost', async () => {
  await using storage = await RegistryStorage.open(directory);
  await push(storage, 'a');
  await rm(new StoragePaths(directory).blob(digest));
  expect(await storage.blobs.size('a', digest)).toBe(bytes.length);
  await push(storage, 'b');
  await storage.blobs.delete('a', digest);
  expect([await storage.blobs.size('a', digest), await storage.blobs.size('b', digest)]).toEqual([
    undefined,
    bytes.length,
  ]);
});

test('closing ends the uploads that are open', async () => {
  const storage = await RegistryStorage.open(directory);
  const upload = await storage.blobs.startUpload('a');
  await storage.close();
  expect(await readdir(new StoragePaths(directory).uploads)).toEqual([]);
  expect(() => storage.blobs.findUpload('a', upload.id)).toThrow(
    expect.objectContaining({ code: 'BLOB_UPLOAD_UNKNOWN' }),
  );
});
