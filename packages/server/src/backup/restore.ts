// `varve restore`: a state directory from a backup, all of it or none.
import { copyFile, mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { prepareRestoredStore } from '@varve/apiserver';
import { hasCode, ServerError } from '../error.ts';
import { writeFileAtomically } from '../state-directory.ts';
import { type BackupSummary, readBackupFiles, removeBackupFiles, verifyBackup } from './backup-file.ts';

export interface RestoreOptions {
  readonly file: string;
  /** Nothing may be there, or an empty directory. */
  readonly stateDirectory: string;
}

/**
 * @throws ServerError BACKUP_INVALID, STATE_IN_USE; STORE_DAMAGED and STORE_UNUSABLE for a backup whose store is not whole
 */
export async function restoreBackup({ file, stateDirectory }: RestoreOptions): Promise<BackupSummary> {
  const source = resolve(file);
  const target = resolve(stateDirectory);
  const summary = verifyBackup(source);
  await mkdir(dirname(target), { recursive: true });
  // Beside the target, so that one rename puts all of it there.
  const prepared = await mkdtemp(join(dirname(target), `.${basename(target)}-restore-`));
  try {
    const pki = join(prepared, 'pki');
    await mkdir(pki, { mode: 0o700 });
    for (const { name, content } of readBackupFiles(source)) {
      await writeFileAtomically(join(pki, name), content, 0o600);
    }
    const database = join(prepared, 'api.db');
    await copyFile(source, database);
    removeBackupFiles(database);
    prepareRestoredStore(database);
    await sync(database);
    await sync(prepared);
    await rename(prepared, target);
    await sync(dirname(target));
  } catch (error) {
    throw hasCode(error, 'ENOTEMPTY') ||
      hasCode(error, 'EEXIST') ||
      hasCode(error, 'ENOTDIR') ||
      hasCode(error, 'EBUSY')
      ? new ServerError(
          'STATE_IN_USE',
          `${target} is not empty, or is a mount point; stop \`varve up\` and move what is there away, or restore to another directory`,
          { cause: error },
        )
      : error;
  } finally {
    await rm(prepared, { recursive: true, force: true });
  }
  return summary;
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
