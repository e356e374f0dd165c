// Tells GRUB that a boot was good. Its configuration counts the tries of a boot entry that it does not know as good, and
// falls back to the one before when they are used up. The environment block is a file of fixed size that GRUB itself
// overwrites block by block, so it is overwritten in place here as well: GRUB replays no journal. Format: GRUB manual, "Environment block".
import { open } from 'node:fs/promises';
import { isErrno } from '../state/durable-file.ts';

const header = '# GRUB Environment Block\n';

/** The block with the tried entry as the good one; undefined when no try is under way, or it is no such block. Pure. */
export function withTriedAsGood(block: Buffer): Buffer | undefined {
  const text = block.toString('latin1');
  if (!text.startsWith(header)) return undefined;
  // The padding is made of `#`, which no line begins with.
  const lines = text
    .slice(header.length)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const tried = lines.find((line) => line.startsWith('try_id='))?.slice('try_id='.length);
  if (!tried) return undefined;
  const kept = lines.filter((line) => !/^(good|try_id|tries)=/.test(line));
  const content = `${header}${[...kept, `good=${tried}`].join('\n')}\n`;
  return content.length > block.length ? undefined : Buffer.from(content.padEnd(block.length, '#'), 'latin1');
}

/** False when there was nothing to do. */
export async function markBootGood(path: string): Promise<boolean> {
  try {
    await using file = await open(path, 'r+');
    const marked = withTriedAsGood(await file.readFile());
    if (!marked) return false;
    await file.write(marked, 0, marked.length, 0);
    await file.sync();
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return false;
    throw error;
  }
}
