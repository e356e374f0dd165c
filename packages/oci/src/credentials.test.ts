import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findCredentials, readCredentials } from './credentials.ts';

const encode = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') });

describe('findCredentials', () => {
  const auths = {
    'quay.io': encode('host:1'),
    'quay.io/team': encode('team:2'),
    'quay.io/team/os': encode('repo:3:with:colons'),
    'https://index.docker.io/v1/': encode('hub:4'),
    'https://old.example': encode('old:5'),
    'helper.example': {},
  };
  test.each([
    ['quay.io', 'team/os', 'repo', '3:with:colons'],
    ['quay.io', 'team/other', 'team', '2'],
    ['quay.io', 'teams/os', 'host', '1'],
    ['docker.io', 'library/debian', 'hub', '4'],
    ['old.example', 'x', 'old', '5'],
  ])('for %s/%s', (registry, repository, username, password) => {
    expect(findCredentials(auths, registry, repository)).toEqual({ username, password });
  });

  test.each([['quay.io:443'], ['helper.example'], ['nothing.example'], ['__proto__'], ['constructor']])(
    'finds none for %s',
    (registry) => {
      expect(findCredentials(auths, registry, 'team/os')).toBeUndefined();
    },
  );

  test('refuses an entry that is not name and password', () => {
    expect(() => findCredentials({ 'a.b': encode('nocolon') }, 'a.b', 'x')).toThrow(
      expect.objectContaining({ code: 'CREDENTIALS_INVALID' }),
    );
  });
});

describe('readCredentials', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'varve-auth-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  async function write(path: string, value: unknown): Promise<string> {
    const full = join(directory, path);
    await mkdir(join(full, '..'), { recursive: true });
    await writeFile(full, typeof value === 'string' ? value : JSON.stringify(value));
    return full;
  }

  test('asks the more specific file first, and goes on to the next', async () => {
    await write('run/containers/auth.json', { auths: { 'a.b': encode('run:1') } });
    await write('home/.docker/config.json', {
      auths: { 'a.b': encode('home:2'), 'c.d': encode('home:3') },
      credsStore: 'x',
    });
    const lookup = await readCredentials({
      environment: { XDG_RUNTIME_DIR: join(directory, 'run'), HOME: join(directory, 'home') },
    });
    expect(lookup('a.b', 'x')).toEqual({ username: 'run', password: '1' });
    expect(lookup('c.d', 'x')).toEqual({ username: 'home', password: '3' });
    expect(lookup('e.f', 'x')).toBeUndefined();
  });

  test('takes REGISTRY_AUTH_FILE alone, which must exist', async () => {
    const path = await write('auth.json', { auths: { 'a.b': encode('explicit:1') } });
    await write('home/.docker/config.json', { auths: { 'c.d': encode('home:3') } });
    const lookup = await readCredentials({ environment: { REGISTRY_AUTH_FILE: path, HOME: join(directory, 'home') } });
    expect([lookup('a.b', 'x')?.username, lookup('c.d', 'x')]).toEqual(['explicit', undefined]);
    await expect(readCredentials({ environment: { REGISTRY_AUTH_FILE: `${path}x` } })).rejects.toMatchObject({
      code: 'CREDENTIALS_INVALID',
    });
  });

  test.each([['{'], ['[]'], ['{"auths":{"a":{"auth":5}}}'], [' '.repeat(2_000_000)]])(
    'refuses the file %.20s without quoting it',
    async (text) => {
      const path = await write('auth.json', text);
      const error: unknown = await readCredentials({ environment: { REGISTRY_AUTH_FILE: path } }).catch(
        (cause: unknown) => cause,
      );
      expect(error).toMatchObject({ code: 'CREDENTIALS_INVALID', message: expect.stringContaining(path) });
    },
  );
});
