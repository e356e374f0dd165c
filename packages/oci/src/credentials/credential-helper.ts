// Credential helpers: programs that keep credentials in a keychain, or get them from a cloud's metadata service. Protocol:
// https://github.com/docker/docker-credential-helpers#development (credentials/credentials.go, client/client.go).
import spawn, { SubprocessError } from 'nano-spawn';
import * as z from 'zod';
import { unlessAborted } from '../abortable.ts';
import type { Credentials } from '../client/authenticator.ts';
import { OciError } from '../error.ts';

export interface HelperQuestion {
  /** What follows `docker-credential-` in the name of the program. */
  readonly helper: string;
  /** What the credentials are kept under. */
  readonly server: string;
  /** Variables on top of this process's own. */
  readonly environment: Record<string, string | undefined>;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; 60 000, because a keychain may ask its owner. */
  readonly timeout?: number;
}

const answerSchema = z.object({ Username: z.string(), Secret: z.string() });

const notFoundMessage = 'credentials not found in native keychain';

/** The user name that says: the secret is an identity token. */
const tokenUser = '<token>';

/**
 * Asks a helper; undefined where it has no credentials for the server.
 * @throws OciError CREDENTIALS_INVALID when the name cannot be a helper's, CREDENTIAL_HELPER_FAILED. Neither message nor
 *   cause has what the helper printed: it can be the secret.
 */
export async function askCredentialHelper(question: HelperQuestion): Promise<Credentials | undefined> {
  const { helper } = question;
  // It is looked up in PATH, and must not become a path itself.
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(helper)) {
    throw new OciError(
      'CREDENTIALS_INVALID',
      `${JSON.stringify(helper.slice(0, 100))} cannot be the name of a credential helper; correct credHelpers or credsStore`,
    );
  }
  const { exitCode, output } = await run(question);
  if (exitCode !== 0) {
    if (output.trim() === notFoundMessage) return undefined;
    throw failed(question, exitCode === undefined ? 'was killed by a signal' : `failed with exit code ${exitCode}`);
  }
  const { Username: username, Secret: secret } = parseAnswer(question, output);
  if (secret === '') return undefined;
  return username === tokenUser ? { identityToken: secret } : { username, password: secret };
}

async function run(question: HelperQuestion): Promise<{ exitCode: number | undefined; output: string }> {
  const { helper, server, environment, signal, timeout = 60_000 } = question;
  const deadline = AbortSignal.timeout(timeout);
  const stop = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const subprocess = spawn(`docker-credential-${helper}`, ['get'], {
    stdio: [{ string: server }, 'pipe', 'ignore'],
    env: Object.fromEntries(Object.entries(environment).filter((entry) => isSet(entry))),
    signal: stop,
    killSignal: 'SIGKILL',
  });
  // What it started itself can keep its output open for long after its end.
  const ended = unlessAborted(
    subprocess.then(
      ({ stdout }) => ({ exitCode: 0, output: stdout }),
      (error: unknown) => outcomeOf(question, error),
    ),
    stop,
  );
  try {
    return await ended;
  } catch (error) {
    if (!stop.aborted) throw error;
    void subprocess.nodeChildProcess.then(
      ({ stdout }) => stdout?.destroy(),
      () => undefined,
    );
    signal?.throwIfAborted();
    throw failed(question, `did not answer within ${timeout} ms`);
  }
}

/** How a helper ended that did not succeed. */
function outcomeOf(question: HelperQuestion, error: unknown): { exitCode: number | undefined; output: string } {
  if (!(error instanceof SubprocessError)) throw error;
  const { cause } = error;
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') throw failed(question, 'is not in PATH');
  if (cause !== undefined) throw failed(question, 'cannot be started');
  return { exitCode: error.exitCode, output: error.stdout };
}

function parseAnswer(question: HelperQuestion, output: string): z.infer<typeof answerSchema> {
  let value: unknown;
  try {
    value = JSON.parse(output);
  } catch {
    throw failed(question, 'gave an answer that is not JSON');
  }
  const result = answerSchema.safeParse(value);
  if (!result.success) throw failed(question, 'gave an answer without Username and Secret');
  return result.data;
}

function failed({ helper, server }: HelperQuestion, how: string): OciError {
  const program = `docker-credential-${helper}`;
  return new OciError(
    'CREDENTIAL_HELPER_FAILED',
    `${program} ${how} when asked for ${server}; try it by hand (echo ${server} | ${program} get), or take it out of credHelpers or credsStore`,
  );
}

function isSet(entry: [string, string | undefined]): entry is [string, string] {
  return entry[1] !== undefined;
}
