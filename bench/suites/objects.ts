// How file objects are written fastest: by our own writer, or in batches through `ostree`. The importer takes the first for
// all files but those with extended attributes, which Node cannot write.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArchiveObjects, ObjectIndex, ObjectStaging, Repository } from '@varve/ostree';
import type { Row, Suite } from '../row.ts';

const count = 10_000;
/** The mean of a Debian base; so is its number of files, within a factor of two. */
const size = 24 * 1024;
const metadata = { uid: 0, gid: 0, mode: 0o644, xattrs: new Map<string, Uint8Array>() };

export const objectsSuite: Suite = {
  description: `writing ${count} file objects: our own writer beside batches through ostree`,
  async run(report, signal) {
    const ours = await timed(signal, writeOurselves);
    report(`own writer: ${ours.toFixed(2)} s`);
    const theirs = await timed(signal, writeThroughOstree);
    report(`through ostree: ${theirs.toFixed(2)} s`);
    const row: Row = { name: 'write-objects', unit: 's', ours, peer: { name: 'ostree pull-local', value: theirs } };
    return [row];
  },
};

async function timed(
  signal: AbortSignal,
  write: (repository: Repository, signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'varve-objects-'));
  try {
    const repository = await Repository.create(join(directory, 'repo'), 'bare');
    const start = performance.now();
    await write(repository, signal);
    return (performance.now() - start) / 1000;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function writeOurselves(repository: Repository, signal: AbortSignal): Promise<void> {
  await using staging = await ObjectStaging.open(repository, ObjectIndex.empty(repository), signal);
  for (let number = 0; number < count; number++) await staging.writeFile(metadata, size, contentOf(number));
  await staging.publish();
}

async function writeThroughOstree(repository: Repository, signal: AbortSignal): Promise<void> {
  const archive = await ArchiveObjects.create(join(repository.path, 'tmp/archive'));
  for (let number = 0; number < count; number++) await archive.writeFile(metadata, size, contentOf(number));
  await archive.moveTo(repository, undefined, signal);
}

async function* contentOf(number: number): AsyncGenerator<Uint8Array, void, undefined> {
  yield Buffer.alloc(size, `content ${number} `);
}
