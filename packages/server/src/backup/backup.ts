// `varve backup`: one file of everything that `varve up` must not lose, while it runs or not.
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { dirname, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Store } from '@varve/apiserver';
import { hasCode, ServerError } from '../error.ts';
import { StateDirectory } from '../state-directory.ts';
import { type BackupSummary, verifyBackup, writeBackup } from './backup-file.ts';

const silenceMilliseconds = 120_000;

export interface BackupOptions {
  readonly stateDirectory: string;
  /** Where the backup goes; what is there is replaced once the new one is whole. */
  readonly file: string;
  readonly signal: AbortSignal;
}

/**
 * @throws ServerError BACKUP_FAILED, STATE_UNREADABLE; STORE_LOCKED when something else has the store open
 */
export async function createBackup({ stateDirectory, file, signal }: BackupOptions): Promise<BackupSummary> {
  const state = await StateDirectory.openExisting(stateDirectory);
  const target = resolve(file);
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    const answered = await receive(state.controlSocketPath, temporary, signal);
    if (!answered) await writeStopped(state, temporary);
    const summary = verifyBackup(temporary);
    await sync(temporary);
    await rename(temporary, target);
    await sync(dirname(target));
    return summary;
  } catch (error) {
    if (hasCode(error, 'ENOSPC') || hasCode(error, 'ENOENT') || hasCode(error, 'EACCES')) {
      const reason = error.message;
      throw new ServerError('BACKUP_FAILED', `${target} cannot be written (${reason}); choose another place`, {
        cause: error,
      });
    }
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** False when no server runs. */
async function receive(socketPath: string, path: string, signal: AbortSignal): Promise<boolean> {
  const answer = await ask(socketPath, signal);
  if (answer === undefined) return false;
  if (answer.statusCode !== 200) {
    let text = '';
    for await (const chunk of answer.setEncoding('utf8')) text += chunk;
    throw new ServerError('BACKUP_FAILED', `the server could not make a backup: ${text}`);
  }
  await pipeline(answer, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
  return true;
}

function ask(socketPath: string, signal: AbortSignal): Promise<IncomingMessage | undefined> {
  const { promise, resolve: settle, reject } = Promise.withResolvers<IncomingMessage | undefined>();
  const asked = request({ socketPath, path: '/backup', method: 'POST', signal, timeout: silenceMilliseconds });
  asked.on('response', settle);
  asked.on('timeout', () => asked.destroy(new ServerError('BACKUP_FAILED', 'the server does not answer; try again')));
  asked.on('error', (error) => {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ECONNREFUSED')) settle(undefined);
    else reject(error);
  });
  asked.end();
  return promise;
}

async function writeStopped(state: StateDirectory, path: string): Promise<void> {
  using store = Store.open(state.databasePath);
  await writeBackup(store, state.pkiPath, path);
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
