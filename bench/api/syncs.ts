// How often a second this machine makes one small write last: what durable writes without group commit cannot beat.
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const duration = 2_000;

export async function syncsPerSecond(directory: string): Promise<number> {
  const path = join(directory, 'syncs');
  try {
    await using file = await open(path, 'w');
    const block = Buffer.alloc(4096, 'varve');
    const start = performance.now();
    let count = 0;
    for (; performance.now() - start < duration; count += 1) {
      await file.write(block);
      await file.datasync();
    }
    return count / ((performance.now() - start) / 1000);
  } finally {
    await rm(path, { force: true });
  }
}
