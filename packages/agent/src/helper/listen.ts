// The helper's socket. Who may open it says the file system: Node has no call for a peer's credentials (SO_PEERCRED,
// unix(7)), so the socket lies in a directory and has a mode that let root and the agent's group in and nobody else.
import { chmod, chown, rm, stat } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { AgentError } from '../error.ts';

/** First descriptor that systemd hands over (sd_listen_fds(3)). */
const firstDescriptor = 3;

export interface SocketOptions {
  /** Where, unless systemd hands a socket over. */
  readonly path: string;
  /** Group that may connect; nobody but root unless given. */
  readonly group: number | undefined;
}

/** True when systemd has made the socket (sd_listen_fds(3)). */
export function isActivated(environment: NodeJS.ProcessEnv): boolean {
  return environment.LISTEN_PID === String(process.pid) && environment.LISTEN_FDS === '1';
}

/** One client at a time; a second one is closed at once. */
export async function listen(onClient: (socket: Socket) => void, options: SocketOptions): Promise<Server> {
  const server = createServer({ allowHalfOpen: false }, onClient);
  server.maxConnections = 1;
  if (isActivated(process.env)) await listening(server, { fd: firstDescriptor });
  else {
    await removeSocket(options.path);
    // Made for root alone: between the two calls nobody else gets in.
    const before = process.umask(0o177);
    try {
      await listening(server, { path: options.path });
    } finally {
      process.umask(before);
    }
    if (options.group !== undefined) {
      await chown(options.path, 0, options.group);
      await chmod(options.path, 0o660);
    }
  }
  return server;
}

async function listening(server: Server, where: { fd: number } | { path: string }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(where, () => resolve());
  await promise;
  server.off('error', reject);
}

/** What a killed helper has left. Anything else of that name is not ours to remove. */
async function removeSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) {
    throw new AgentError('HELPER_UNREACHABLE', `${path} is no socket; move it away, the helper listens there`);
  }
  await rm(path, { force: true });
}
