// With programs that are really run, as a keychain's are.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askCredentialHelper } from './credential-helper.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-helper-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** A helper named `test`. */
async function install(script: string): Promise<void> {
  await writeFile(join(directory, 'docker-credential-test'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

function ask(options: { helper?: string; timeout?: number; signal?: AbortSignal } = {}) {
  const environment = { PATH: `${directory}:${process.env.PATH}`, DIRECTORY: directory, UNSET: undefined };
  return askCredentialHelper({ helper: 'test', server: 'a.b:5000', environment, ...options });
}

async function failure(...args: Parameters<typeof ask>): Promise<unknown> {
  return ask(...args).catch((error: unknown) => error);
}

const answer = (username: string, secret: string) =>
  `echo '${JSON.stringify({ ServerURL: 'a.b:5000', Username: username, Secret: secret })}'`;

test('is asked by the name of the server on its standard input', async () => {
  await install(`echo "$@" > "$DIRECTORY/arguments"; cat > "$DIRECTORY/input"; ${answer('me', 'pa:ss')}`);
  expect(await ask()).toEqual({ username: 'me', password: 'pa:ss' });
  expect(await readFile(join(directory, 'arguments'), 'utf8')).toBe('get\n');
  expect(await readFile(join(directory, 'input'), 'utf8')).toBe('a.b:5000');
});

test.each([
  ['an identity token', answer('<token>', 'secret'), { identityToken: 'secret' }],
  ['nothing, in the words of the protocol', "echo 'credentials not found in native keychain'; exit 1", undefined],
  ['an empty secret', answer('', ''), undefined],
])('can answer with %s', async (_what, script, expected) => {
  await install(script);
  expect(await ask()).toEqual(expected);
});

describe('a failure has a code and no secret:', () => {
  test.each([
    ['another message', 'echo "s3cret"; exit 1', /failed with exit code 1 when asked for a\.b:5000/],
    ['the words of the protocol, and success', "echo 'credentials not found in native keychain'", /not JSON/],
    ['a signal', 'echo s3cret; kill -TERM $$', /killed by a signal/],
    ['no JSON', 'echo s3cret', /not JSON/],
    ['JSON of another shape', `echo '{"Username": "s3cret"}'`, /without Username and Secret/],
  ])('%s', async (_what, script, message) => {
    await install(script);
    const error = await failure();
    expect(error).toMatchObject({
      code: 'CREDENTIAL_HELPER_FAILED',
      message: expect.stringMatching(message),
    });
    expect(inspect(error)).not.toContain('s3cret');
  });

  test('a program that is not there, or is none', async () => {
    expect(await failure()).toMatchObject({
      code: 'CREDENTIAL_HELPER_FAILED',
      message: expect.stringMatching(/is not in PATH/),
    });
    await writeFile(join(directory, 'docker-credential-test'), '', { mode: 0o644 });
    expect(await failure()).toMatchObject({
      code: 'CREDENTIAL_HELPER_FAILED',
      message: expect.stringMatching(/cannot be started/),
    });
  });
});

test.each(['../test', '/bin/sh', 'a b', '', '-x', 'a\0b', 'x'.repeat(101)])(
  'the name %j starts nothing',
  async (helper) => {
    expect(await failure({ helper })).toMatchObject({ code: 'CREDENTIALS_INVALID' });
  },
);

describe('a helper that hangs', () => {
  // The second one leaves a process behind that keeps its output open.
  test.each(['exec sleep 60', 'sleep 60'])('is left after its time: %s', async (script) => {
    await install(script);
    expect(await failure({ timeout: 300 })).toMatchObject({
      code: 'CREDENTIAL_HELPER_FAILED',
      message: expect.stringMatching(/did not answer within 300 ms/),
    });
  });

  test('is left when its asker is told to stop', async () => {
    await install('exec sleep 60');
    const stop = new AbortController();
    const asked = failure({ signal: stop.signal });
    const reason = new Error('stop');
    stop.abort(reason);
    expect(await asked).toBe(reason);
  });
});
