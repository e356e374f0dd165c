import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readCredentials } from './read-credentials.ts';

const encode = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString('base64') });

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

  /** This machine's own files are left alone. */
  function read(environment: Record<string, string> = {}, uid = 0) {
    return readCredentials({ environment, uid, root: directory });
  }

  /** Where a user's files can be, the first one first. */
  const places = [
    'run/user/containers/auth.json',
    'run/ostree/auth.json',
    'etc/ostree/auth.json',
    'usr/lib/ostree/auth.json',
    'config/containers/auth.json',
    'docker/config.json',
  ];

  test('asks the more specific file first, and goes on to the next', async () => {
    for (const [index, path] of places.entries())
      await write(path, { auths: { [`only-${index}.b`]: encode(`${index}:x`), 'a.b': encode(`${index}:x`) } });
    const environment = {
      XDG_RUNTIME_DIR: join(directory, 'run/user'),
      XDG_CONFIG_HOME: join(directory, 'config'),
      DOCKER_CONFIG: join(directory, 'docker'),
      HOME: join(directory, 'home'),
    };
    const lookup = await read(environment);
    for (const index of places.keys()) {
      expect(await lookup(`only-${index}.b`, 'x')).toEqual({ username: String(index), password: 'x' });
      expect(await (await read(environment))('a.b', 'x')).toEqual({ username: String(index), password: 'x' });
      await rm(join(directory, places[index] ?? ''));
    }
    expect(await lookup('e.f', 'x')).toBeUndefined();
  });

  test('knows where files are without variables, and which are not for every user', async () => {
    await write('run/containers/0/auth.json', { auths: { 'a.b': encode('root:1') } });
    await write('run/containers/1000/auth.json', { auths: { 'a.b': encode('user:1') } });
    await write('etc/ostree/auth.json', { auths: { 'c.d': encode('host:2') } });
    await write('home/.config/containers/auth.json', { auths: { 'e.f': encode('home:3') } });
    await write('home/.docker/config.json', { auths: { 'g.h': encode('docker:4') } });
    const names = async (uid: number) => {
      const lookup = await read({ HOME: join(directory, 'home') }, uid);
      const found = await Promise.all(['a.b', 'c.d', 'e.f', 'g.h'].map((registry) => lookup(registry, 'x')));
      return found.map((credentials) => credentials && 'username' in credentials && credentials.username);
    };
    expect(await names(0)).toEqual(['root', 'host', 'home', 'docker']);
    expect(await names(1000)).toEqual(['user', undefined, 'home', 'docker']);
  });

  test('takes REGISTRY_AUTH_FILE alone, which must exist', async () => {
    const path = await write('auth.json', { auths: { 'a.b': encode('explicit:1') } });
    await write('home/.docker/config.json', { auths: { 'c.d': encode('home:3') } });
    const lookup = await read({ REGISTRY_AUTH_FILE: path, HOME: join(directory, 'home') });
    expect(await lookup('a.b', 'x')).toEqual({ username: 'explicit', password: '1' });
    expect(await lookup('c.d', 'x')).toBeUndefined();
    await expect(read({ REGISTRY_AUTH_FILE: `${path}x` })).rejects.toMatchObject({ code: 'CREDENTIALS_INVALID' });
  });

  describe('runs helpers:', () => {
    /** It knows two servers, and says which helper it is. */
    async function install(name: string): Promise<void> {
      const script = `#!/bin/sh
        read -r server
        case "$server" in
          known.example|https://index.docker.io/v1/) echo "{\\"Username\\": \\"${name} for $server\\", \\"Secret\\": \\"x\\"}" ;;
          *) echo "credentials not found in native keychain"; exit 1 ;;
        esac`;
      await writeFile(join(directory, `docker-credential-${name}`), script, { mode: 0o755 });
    }

    async function userFor(config: object, registry: string): Promise<string | undefined> {
      const path = await write('docker/config.json', config);
      const environment = { DOCKER_CONFIG: join(path, '..'), PATH: `${directory}:${process.env.PATH}` };
      const found = await (await read(environment))(registry, 'team/os');
      return found !== undefined && 'username' in found ? found.username : undefined;
    }

    beforeEach(async () => {
      await install('one');
      await install('store');
    });

    const stale = encode('entry:x');

    test.each<[string, object, string, string | undefined]>([
      [
        'that of the registry instead of an entry',
        { credHelpers: { 'known.example': 'one' }, credsStore: 'store', auths: { 'known.example': stale } },
        'known.example',
        'one for known.example',
      ],
      [
        'that of the registry, whose no is a no',
        { credHelpers: { 'new.example': 'one' }, auths: { 'new.example': stale } },
        'new.example',
        undefined,
      ],
      [
        'the store where the entry is empty',
        { credsStore: 'store', auths: { 'known.example': {} } },
        'known.example',
        'store for known.example',
      ],
      [
        'not the store where there is an entry',
        { credsStore: 'store', auths: { 'known.example': stale } },
        'known.example',
        'entry',
      ],
      [
        'the store by the address of Docker Hub',
        { credsStore: 'store' },
        'docker.io',
        'store for https://index.docker.io/v1/',
      ],
      [
        'that of Docker Hub under its other name',
        { credHelpers: { 'https://index.docker.io/v1/': 'one' } },
        'docker.io',
        'one for https://index.docker.io/v1/',
      ],
      ['none for others', { credHelpers: { 'known.example': 'missing' } }, 'other.example', undefined],
      [
        'none where its name is empty',
        { credHelpers: { 'known.example': '' }, credsStore: '' },
        'known.example',
        undefined,
      ],
    ])('%s', async (_what, config, registry, expected) => {
      expect(await userFor(config, registry)).toBe(expected);
    });

    test('one that is missing is told', async () => {
      await expect(userFor({ credHelpers: { 'a.b': 'missing' } }, 'a.b')).rejects.toMatchObject({
        code: 'CREDENTIAL_HELPER_FAILED',
        message: expect.stringContaining('docker-credential-missing is not in PATH'),
      });
    });
  });

  test.each([['{'], ['[]'], ['{"auths":{"a":{"auth":5}}}'], ['{"credHelpers":{"a":5}}'], [' '.repeat(2_000_000)]])(
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
