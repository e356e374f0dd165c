// What this machine can do at best, measured beside everything else: the limit that no importer can beat.
import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface Hardware {
  /** SHA-256 on one core, bytes per second. */
  readonly hash: number;
  /** Writing one file and making it last, bytes per second. */
  readonly write: number;
  /** Making a small file last, seconds: the least that anything durable takes. */
  readonly sync: number;
}

const block = 4 * 1024 * 1024;
const blocks = 64;

/** Takes about two seconds. `directory` is on the disk that imports write to. */
export async function measureHardware(directory: string): Promise<Hardware> {
  const bytes = Buffer.alloc(block, 'varve');
  const hash = Math.max(hashSpeed(bytes), hashSpeed(bytes));
  const write = Math.max(await writeSpeed(bytes, directory), await writeSpeed(bytes, directory));
  return { hash, write, sync: await syncTime(directory) };
}

function hashSpeed(bytes: Buffer): number {
  const start = performance.now();
  const hash = createHash('sha256');
  for (let count = 0; count < blocks; count += 1) hash.update(bytes);
  hash.digest();
  return (block * blocks) / secondsSince(start);
}

async function writeSpeed(bytes: Buffer, directory: string): Promise<number> {
  const path = join(directory, 'write-speed');
  try {
    await using file = await open(path, 'wx');
    const start = performance.now();
    for (let count = 0; count < blocks; count += 1) await file.write(bytes);
    await file.sync();
    return (block * blocks) / secondsSince(start);
  } finally {
    await rm(path, { force: true });
  }
}

/** The fastest of a few. */
async function syncTime(directory: string): Promise<number> {
  const path = join(directory, 'sync-time');
  let best = Number.POSITIVE_INFINITY;
  for (let count = 0; count < 5; count += 1) {
    await using file = await open(path, 'w');
    const start = performance.now();
    await file.write('varve');
    await file.sync();
    best = Math.min(best, secondsSince(start));
  }
  await rm(path);
  return best;
}

export function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
