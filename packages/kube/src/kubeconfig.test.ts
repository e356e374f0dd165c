import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { formatKubeconfig, loadKubeconfig } from './kubeconfig.ts';

const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const keyPem = '-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n';
const connection = { server: 'https://varve.example:6443', ca: pem, cert: pem, key: keyPem };

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy']) {
    vi.stubEnv(name, '');
  }
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

async function write(name: string, content: unknown): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, typeof content === 'string' ? content : stringify(content));
  return path;
}

function config(cluster: object, user: object) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'k', cluster: { server: 'https://a:1', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
  };
}

test.each([
  ['certificates', connection],
  ['a token', { server: 'https://varve.example:6443', ca: pem, token: 'abc', serverName: 'varve' }],
  ['nothing', { server: 'https://varve.example:6443' }],
])('what is formatted with %s is loaded again', async (_, original) => {
  const path = await write('config', formatKubeconfig(original, { name: 'x', namespace: 'n' }));
  expect(await loadKubeconfig(path)).toEqual(original);
});

test('the format is the one that kubectl writes', () => {
  expect(parse(formatKubeconfig(connection))).toEqual({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'varve',
        cluster: { server: connection.server, 'certificate-authority-data': Buffer.from(pem).toString('base64') },
      },
    ],
    users: [
      {
        name: 'varve',
        user: {
          'client-certificate-data': Buffer.from(pem).toString('base64'),
          'client-key-data': Buffer.from(keyPem).toString('base64'),
        },
      },
    ],
    contexts: [{ name: 'varve', context: { cluster: 'varve', user: 'varve' } }],
    'current-context': 'varve',
  });
});

test('files are found beside the kubeconfig, data wins over files, a token file over a token', async () => {
  await write('ca.pem', pem);
  await write('token', 'from-file\n');
  const data = Buffer.from(keyPem).toString('base64');
  const path = await write(
    'config',
    config(
      { 'certificate-authority': 'ca.pem' },
      {
        'client-certificate': join(directory, 'ca.pem'),
        'client-key': 'missing',
        'client-key-data': data,
        token: 't',
        tokenFile: 'token',
      },
    ),
  );
  const { reload, ...loaded } = await loadKubeconfig(path);
  expect(loaded).toEqual({ server: 'https://a:1', ca: pem, cert: pem, key: keyPem, token: 'from-file' });
  await write('token', 'newer\n');
  expect(await reload?.()).toEqual({ ca: pem, cert: pem, key: keyPem, token: 'newer' });
  await rm(join(directory, 'token'));
  await expect(reload?.()).rejects.toMatchObject({ code: 'KUBECONFIG_INVALID' });
});

test('a proxy comes from the file, for any server, or from the environment, which exempts some', async () => {
  const inFile = await write('with', config({ 'proxy-url': 'http://proxy:1' }, {}));
  const without = await write('without', config({}, {}));
  expect(await loadKubeconfig(inFile)).toMatchObject({ proxy: 'http://proxy:1' });
  expect(await loadKubeconfig(without)).not.toHaveProperty('proxy');
  vi.stubEnv('HTTPS_PROXY', 'http://other:2');
  expect(await loadKubeconfig(inFile)).toMatchObject({ proxy: 'http://proxy:1' });
  expect(await loadKubeconfig(without)).toMatchObject({ proxy: 'http://other:2' });
  vi.stubEnv('NO_PROXY', 'a');
  expect(await loadKubeconfig(inFile)).toMatchObject({ proxy: 'http://proxy:1' });
  expect(await loadKubeconfig(without)).not.toHaveProperty('proxy');
});

test('KUBECONFIG may name several files: the first entry of a name counts, missing files do not matter', async () => {
  const first = await write('first', { ...config({}, { token: 'first' }), 'current-context': '' });
  const second = await write('second', config({ server: 'https://other' }, { token: 'second' }));
  vi.stubEnv('KUBECONFIG', [join(directory, 'missing'), first, second].join(':'));
  expect(await loadKubeconfig()).toEqual({ server: 'https://a:1', token: 'first' });
});

test('another context can be chosen', async () => {
  const base = config({}, { token: 't' });
  const path = await write('config', {
    ...base,
    users: [...base.users, { name: 'v', user: { token: 'other' } }],
    contexts: [...base.contexts, { name: 'd', context: { cluster: 'k', user: 'v' } }],
  });
  expect(await loadKubeconfig(path, { context: 'd' })).toMatchObject({ token: 'other' });
  await expect(loadKubeconfig(path, { context: 'e' })).rejects.toThrow(/no context "e"/);
});

test.each([
  ['an exec plug-in', config({}, { exec: { command: 'aws' } }), /exec plug-ins are not supported/],
  ['an auth provider', config({}, { 'auth-provider': { name: 'gcp' } }), /auth-provider is not supported/],
  ['a password', config({}, { username: 'a', password: 'b' }), /passwords are not supported/],
  ['impersonation', config({}, { as: 'root' }), /impersonation/],
  ['no verification', config({ 'insecure-skip-tls-verify': true }, {}), /insecure-skip-tls-verify is not supported/],
  ['no server', config({ server: '' }, {}), /server is missing/],
  ['a missing file', config({ 'certificate-authority': 'nowhere' }, {}), /nowhere cannot be read/],
  [
    'data that is not PEM',
    config({ 'certificate-authority-data': 'AAAA' }, {}),
    /certificate-authority-data is not PEM/,
  ],
  ['no current context', { ...config({}, {}), 'current-context': '' }, /no current context/],
  ['an unknown user', { ...config({}, {}), users: [] }, /no user "u"/],
  ['users that are no list', { ...config({}, {}), users: {} }, /users is not a list/],
  ['an entry without a name', { ...config({}, {}), users: [{}] }, /users\[0\] has no name/],
  [
    'an entry of another type',
    { ...config({}, {}), users: [{ name: 'u', user: [] }] },
    /users\[0\].user is not an object/,
  ],
  ['a list', [], /not a kubeconfig/],
  ['broken YAML', '{', /not YAML/],
  [
    'a bomb of aliases',
    `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]`,
    /not YAML/,
  ],
  ['nothing', '', /no current context/],
  ['too much', 'x'.repeat(5_000_000), /larger than/],
])('a kubeconfig with %s is refused and says so', async (_, content, message) => {
  const path = await write('config', content);
  const failed = loadKubeconfig(path);
  await expect(failed).rejects.toThrow(message);
  await expect(failed).rejects.toMatchObject({ code: 'KUBECONFIG_INVALID' });
});

test('a file that does not exist is named', async () => {
  await expect(loadKubeconfig(join(directory, 'none'))).rejects.toThrow(/none: the file does not exist/);
  vi.stubEnv('KUBECONFIG', join(directory, 'one'));
  await expect(loadKubeconfig()).rejects.toThrow(/one: the file does not exist/);
  vi.stubEnv('KUBECONFIG', `${join(directory, 'one')}:${join(directory, 'two')}`);
  await expect(loadKubeconfig()).rejects.toThrow(/none of the files exists/);
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('HOME', directory);
  await expect(loadKubeconfig()).rejects.toThrow(join(directory, '.kube/config'));
});
