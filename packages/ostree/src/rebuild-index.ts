// Making the index of objects anew, from what the repository has: for one that was filled by other tools, or whose index is
// gone.
import { createHash, type Hash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDigest } from '@varve/oci';
import { type OstreeChecksum, parseChecksum } from './checksum.ts';
import { OstreeError } from './error.ts';
import { ObjectIndex } from './object-index.ts';
import { createFileHash, finishFileHash } from './objects/file.ts';
import { isAbsent, type Repository } from './repository.ts';

/**
 * Reads every file of a repository of mode bare once, and writes its index; returns the number of files in it. A file with
 * extended attributes is only known by its content afterwards, because Node cannot read them.
 * @throws OstreeError REPOSITORY_INVALID
 */
export async function rebuildIndex(repository: Repository, signal?: AbortSignal): Promise<number> {
  if (repository.mode !== 'bare') {
    throw new OstreeError(
      'REPOSITORY_INVALID',
      `only a repository of mode bare has an index of objects; ${repository.path} has the mode ${repository.mode}`,
    );
  }
  const index = ObjectIndex.empty(repository);
  let count = 0;
  for await (const object of fileObjects(repository)) {
    signal?.throwIfAborted();
    if (await addObject(repository, index, object)) count++;
  }
  await index.compact(repository);
  return count;
}

async function* fileObjects(repository: Repository): AsyncGenerator<OstreeChecksum, void, undefined> {
  const root = join(repository.path, 'objects');
  for (const directory of (await readdir(root)).sort()) {
    for (const name of await readdir(join(root, directory))) {
      if (/^[0-9a-f]{62}\.file$/.test(name)) yield parseChecksum(directory + name.slice(0, 62));
    }
  }
}

/** False for what need not be in the index: symbolic links, empty files, and what was pruned meanwhile. */
async function addObject(repository: Repository, index: ObjectIndex, object: OstreeChecksum): Promise<boolean> {
  const stat = lstatSync(repository.objectPath(object, 'file'), { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size === 0) return false;
  const metadata = { uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777, xattrs: new Map<string, Uint8Array>() };
  const objectHash = createFileHash(metadata);
  const contentHash = createHash('sha256');
  try {
    for await (const chunk of repository.openFile(object).read()) update([objectHash, contentHash], chunk);
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
  // The checksum tells whether what can be seen of the file is all that there is.
  const isPlain = finishFileHash(objectHash) === object;
  index.add(parseDigest(`sha256:${contentHash.digest('hex')}`), isPlain ? metadata : undefined, object);
  return true;
}

function update(hashes: readonly Hash[], chunk: Uint8Array): void {
  for (const hash of hashes) hash.update(chunk);
}
