// What a transaction does to one path, and how that is undone. Each function may run again after a crash in its midst.
import { keepBeside, removeBeside, swapIn, writeFileBeside, writeLinkBeside } from '../tree/beside.ts';
import type { Tree } from '../tree/tree.ts';
import type { Change, Wanted } from './change.ts';
import type { Journal } from './journal.ts';

/** Everything that can fail for want of space, before anything that anybody reads changes. */
export async function prepare(
  tree: Tree,
  { path, incoming, outgoing, old }: Change,
  want: Wanted | undefined,
): Promise<void> {
  switch (want?.kind) {
    case 'directory':
      if (old.kind === 'absent') await tree.writeDirectory(path, want);
      break;
    case 'file':
      await writeFileBeside(tree, path, incoming, want.content, want);
      break;
    case 'link':
      await writeLinkBeside(tree, path, incoming, want.target, want);
  }
  if (old.kind === 'entry') await keepBeside(tree, path, outgoing);
}

/** Only renames and removals, and attributes of directories. */
export async function swap(tree: Tree, { path, kind, incoming, old }: Change, want: Wanted | undefined): Promise<void> {
  if (kind === 'absent') {
    // A directory goes last: the second names of what was in it are still there.
    if (old.kind === 'entry') await tree.remove(path);
  } else if (kind === 'directory') {
    if (old.kind === 'directory' && want?.kind === 'directory') await tree.writeDirectory(path, want);
  } else await swapIn(tree, path, incoming);
}

/** `phase`: how far the transaction had come. */
export async function undoSwap(tree: Tree, { path, kind, incoming, outgoing, old }: Change, phase: Journal['phase']) {
  await removeBeside(tree, path, incoming);
  if (old.kind === 'absent') {
    if (kind === 'directory' || phase !== 'writing') await tree.remove(path);
  } else if (old.kind === 'directory') {
    if (kind === 'directory') await tree.writeDirectory(path, old);
  } else {
    await swapIn(tree, path, outgoing);
    // rename(2) does nothing between two names of one file.
    await removeBeside(tree, path, outgoing);
  }
}
