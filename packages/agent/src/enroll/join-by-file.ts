// Joins by a join file. At a host's first boot nobody is there to try again, and the token is not to stay.
import { setTimeout as sleep } from 'node:timers/promises';
import { isKubeError } from '@varve/kube';
import { AgentError } from '../error.ts';
import { retryDelay } from '../retry-delay.ts';
import { removeDurable } from '../state/durable-file.ts';
import { type Joined, type JoinOptions, joinHost } from './join.ts';
import { type FoundJoinFile, readJoinFile } from './join-file.ts';

export interface JoinByFileOptions
  extends Pick<JoinOptions, 'nodeName' | 'stateDirectory' | 'timeout' | 'signal' | 'onProgress'> {
  /** Of the join file. */
  readonly path: string;
  /** Tries again while the control plane is away, and removes the file when the host has joined. */
  readonly firstBoot: boolean;
}

/** Throws as `joinHost`, and JOIN_FILE_INVALID. */
export async function joinByFile(options: JoinByFileOptions): Promise<Joined> {
  const { path, firstBoot, onProgress = () => {} } = options;
  if (!firstBoot) return await join(options, await readJoinFile(path));
  const joined = await joinPatiently(options);
  await removeDurable(path);
  onProgress(`removed ${path}, which is not needed any more`);
  return joined;
}

async function joinPatiently(options: JoinByFileOptions): Promise<Joined> {
  const { path, signal = new AbortController().signal, onProgress = () => {} } = options;
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    // Each time anew: somebody may have put a better one in its place.
    const file = await readJoinFile(path);
    try {
      return await join(options, file);
    } catch (error) {
      if (!mayPass(error)) throw explain(error, file, path);
      const delay = retryDelay(failures);
      onProgress(`cannot join yet: ${error.message}; trying again in ${Math.ceil(delay / 1000)} s`);
      await sleep(delay, undefined, { signal });
    }
  }
}

async function join({ path, firstBoot: _, ...options }: JoinByFileOptions, file: FoundJoinFile): Promise<Joined> {
  if (file.isOpen) options.onProgress?.(`others than its owner can read the token in ${path}: chmod 600 ${path}`);
  const nodeName = options.nodeName ?? file.name;
  return await joinHost({
    ...options,
    server: file.server,
    token: file.token,
    ...(file.caHash === undefined ? {} : { caPin: file.caHash }),
    ...(file.ca === undefined ? {} : { ca: file.ca }),
    ...(nodeName === undefined ? {} : { nodeName }),
  });
}

/** The control plane is away, an administrator has not decided, or this host's clock is not set yet. */
function mayPass(error: unknown): error is Error {
  if (error instanceof AgentError) return error.code === 'JOIN_PENDING';
  if (isKubeError(error, 'UNREACHABLE', 'TIMEOUT', 'UNAVAILABLE', 'SERVER_ERROR', 'TOO_MANY_REQUESTS')) return true;
  const { cause } = isKubeError(error, 'UNTRUSTED') ? error : {};
  return cause instanceof Error && 'code' in cause && cause.code === 'CERT_NOT_YET_VALID';
}

function explain(error: unknown, { expires }: FoundJoinFile, path: string): unknown {
  if (!(error instanceof AgentError) || error.code !== 'JOIN_TOKEN_REJECTED') return error;
  const when = expires !== undefined && new Date(expires) < new Date() ? `: it expired at ${expires}` : '';
  return new AgentError(
    error.code,
    `the control plane does not accept the token in ${path}${when}; put a new file there (\`varve node token --output-file\`), then \`systemctl start varve-join\` or boot`,
    { cause: error },
  );
}
