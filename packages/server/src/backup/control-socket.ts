// How commands on the same machine reach a server that runs: a socket in its state directory, which only its owner can
// enter. What goes over it, a backup with all keys, is nothing that an administrator over the network should get.
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { chmod, readdir, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Store } from '@varve/apiserver';
import type { StateDirectory } from '../state-directory.ts';
import { writeBackup } from './backup-file.ts';

const temporaryPrefix = '.backup-';

export interface ControlSocketOptions {
  readonly state: StateDirectory;
  readonly store: Store;
  readonly onError: (error: unknown) => void;
}

/** Listens, once this process has the store open: whoever had the socket before is gone. */
export async function serveControlSocket(options: ControlSocketOptions): Promise<AsyncDisposable> {
  const { state, onError } = options;
  await removeLeftovers(state.path);
  const server = createServer((request, response) => {
    const answered = request.method === 'POST' && request.url === '/backup' ? sendBackup(options, response) : undefined;
    if (answered === undefined) response.writeHead(404).end();
    answered?.catch((error: unknown) => {
      onError(error);
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end(error instanceof Error ? error.message : String(error));
    });
  });
  await rm(state.controlSocketPath, { force: true });
  server.listen(state.controlSocketPath);
  try {
    await once(server, 'listening');
    await chmod(state.controlSocketPath, 0o600);
  } catch (error) {
    // Paths of sockets have at most 107 bytes (unix(7)): such a server is backed up while it is stopped.
    onError(error);
  }
  server.on('error', onError);
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function sendBackup({ state, store }: ControlSocketOptions, response: ServerResponse): Promise<void> {
  const path = join(state.path, `${temporaryPrefix}${process.pid}-${Date.now()}`);
  try {
    await writeBackup(store, state.pkiPath, path);
    response.writeHead(200, { 'content-type': 'application/vnd.sqlite3' });
    await pipeline(createReadStream(path), response);
  } finally {
    await rm(path, { force: true });
  }
}

/** Of a process that was killed while it made a backup. */
async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(temporaryPrefix)) await rm(join(directory, name), { force: true });
  }
}
