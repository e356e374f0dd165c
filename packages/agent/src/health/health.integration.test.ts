// Real processes, directories and sockets.
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { HttpCheck } from '@varve/api';
import { createCertificateAuthority, issueServerCertificate } from '@varve/kube';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostState } from '../driver/driver.ts';
import { Tree } from '../tree/tree.ts';
import { findChecks } from './find-checks.ts';
import { checkHostHealth } from './host-health.ts';
import { probeAll } from './probe.ts';
import { maxOutput } from './result.ts';
import { runCheck } from './run-check.ts';
import { noUnits } from './units.ts';

const { signal } = new AbortController();
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'varve-health-'));
});
afterEach(async () => await rm(root, { recursive: true, force: true }));

async function write(path: string, text = '#!/bin/sh\n', mode = 0o755): Promise<string> {
  const file = join(root, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

const shell = (script: string) => ({ command: '/bin/sh', arguments: ['-c', script] });

describe('runCheck', () => {
  test.each([
    ['echo fine; exit 0', true, '', 'fine'],
    ['echo out; echo err >&2; exit 3', false, 'ended with status 3', 'out\nerr'],
    ['kill -9 $$', false, 'was ended by SIGKILL', ''],
  ])('%s', async (script, passed, message, output) => {
    expect(await runCheck(shell(script), 60_000, signal)).toEqual({ passed, message, output });
  });

  test('a check that cannot be started has failed', async () => {
    const run = await runCheck({ command: join(root, 'missing'), arguments: [] }, 10_000, signal);
    expect(run.passed).toBe(false);
    expect(run.message).toContain('ENOENT');
  });

  test('a check that hangs is ended with all that it started', async () => {
    const pid = join(root, 'pid');
    const run = await runCheck(shell(`sleep 1000 & echo $! > ${pid}; echo waiting; wait`), 3_000, signal);
    expect(run).toEqual({ passed: false, message: 'did not end within 3 s', output: 'waiting' });
    const { stdout } = await spawn('cat', [pid]);
    await expect.poll(() => isRunning(stdout.trim())).toBe(false);
  });

  test('a check that floods its output is ended, and the end is shown', async () => {
    const run = await runCheck(shell('exec yes flood'), 60_000, signal);
    expect(run.passed).toBe(false);
    expect(run.message).toBe('wrote more than 16 MiB');
    expect(run.output.length).toBeLessThanOrEqual(maxOutput);
    expect(run.output).toContain('flood\nflood');
  });

  test('what a check leaves in the background holds nothing up', async () => {
    const run = await runCheck(shell('sleep 30 & echo done'), 20_000, signal);
    expect(run).toEqual({ passed: true, message: '', output: 'done' });
  });

  test('an abort ends it', async () => {
    const stop = new AbortController();
    const running = runCheck(shell('sleep 1000'), 60_000, stop.signal);
    await sleep(50);
    stop.abort();
    await expect(running).rejects.toThrow('aborted');
  });
});

async function isRunning(pid: string): Promise<boolean> {
  const { stdout } = await spawn('ps', ['-o', 'state=', '-p', pid]).catch(() => ({ stdout: '' }));
  return stdout.trim() !== '' && stdout.trim() !== 'Z';
}

describe('findChecks', () => {
  test('takes every directory in its order, and in each the names in theirs', async () => {
    await write('etc/greenboot/check/wanted.d/later.sh', '', 0o644);
    await write('etc/greenboot/check/required.d/20_b.sh', '', 0o644);
    await write('etc/greenboot/check/required.d/10_a.sh');
    await write('etc/greenboot/check/required.d/README', '', 0o644);
    await write('usr/lib/greenboot/check/required.d/30_image');
    await write('etc/varve/health.d/b');
    await write('etc/varve/health.d/a');
    await write('etc/varve/health.d/.hidden');
    await write('etc/varve/health.d/directory/inner');
    const found = await findChecks(new Tree(root));
    expect(found.map(({ path, required, command }) => [path, required, command])).toEqual([
      ['/etc/varve/health.d/a', true, '/etc/varve/health.d/a'],
      ['/etc/varve/health.d/b', true, '/etc/varve/health.d/b'],
      ['/usr/lib/greenboot/check/required.d/30_image', true, '/usr/lib/greenboot/check/required.d/30_image'],
      ['/etc/greenboot/check/required.d/10_a.sh', true, 'bash'],
      ['/etc/greenboot/check/required.d/20_b.sh', true, 'bash'],
      ['/etc/greenboot/check/wanted.d/later.sh', false, 'bash'],
    ]);
  });

  test("leaves out what greenboot's configuration disables", async () => {
    await write('etc/greenboot/greenboot.conf', 'DISABLED_HEALTHCHECKS=("a.sh")\n', 0o644);
    await write('etc/greenboot/check/required.d/a.sh');
    await write('etc/greenboot/check/required.d/b.sh');
    await write('etc/varve/health.d/a.sh');
    const found = await findChecks(new Tree(root));
    expect(found.map(({ path }) => path)).toEqual(['/etc/varve/health.d/a.sh', '/etc/greenboot/check/required.d/b.sh']);
  });

  test('tells of a check that would never run', async () => {
    await write('etc/varve/health.d/forgotten', '#!/bin/sh\n', 0o644);
    await mkdir(join(root, 'elsewhere'));
    await mkdir(join(root, 'etc/greenboot/check'), { recursive: true });
    await symlink('/elsewhere', join(root, 'etc/greenboot/check/required.d'));
    const found = await findChecks(new Tree(root));
    expect(found.map(({ path, required, problem }) => [path, required, problem?.slice(0, 21)])).toEqual([
      ['/etc/varve/health.d/forgotten', false, 'is not executable: gi'],
      ['/etc/greenboot/check/required.d', false, 'is no directory, or r'],
    ]);
  });
});

test('required and wanted checks run in the tree that they belong to', async () => {
  // The tree gets a shell of its own: checks are confined to it.
  for (const path of ['/bin', '/lib', '/lib64', '/usr/bin', '/usr/lib', '/usr/lib64']) {
    await mkdir(join(root, path), { recursive: true });
  }
  const { stdout } = await spawn('ldd', ['/bin/sh']);
  const libraries = [...stdout.matchAll(/(\/\S+)/g)].map(([path]) => path);
  for (const path of ['/bin/sh', ...libraries]) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await spawn('cp', ['--dereference', path, join(root, path)]);
  }
  await write('etc/version', '7\n', 0o644);
  await write('etc/varve/health.d/10-version', '#!/bin/sh\nread v < /etc/version; echo "version $v"; exit 1\n');
  await write('etc/varve/health.d/20-fine', '#!/bin/sh\ntrue\n');
  await write('etc/greenboot/check/wanted.d/x', '#!/bin/sh\nexit 2\n');
  const options = { units: noUnits, before: undefined, checkTimeout: 60_000, remaining: 60_000, signal };
  expect(await checkHostHealth({ ...options, host: hostIn(root), drift: undefined })).toEqual([
    { name: 'content', required: true, passed: true, message: '', output: '' },
    {
      ...{ name: '/etc/varve/health.d/10-version', required: true, passed: false },
      ...{ message: 'ended with status 1', output: 'version 7' },
    },
    { name: '/etc/varve/health.d/20-fine', required: true, passed: true, message: '', output: '' },
    {
      ...{ name: '/etc/greenboot/check/wanted.d/x', required: false, passed: false },
      ...{ message: 'ended with status 2', output: '' },
    },
  ]);
});

function hostIn(directory: string): HostState {
  const booted = {
    ...{ name: 'a.0', checksum: 'a', image: undefined, imageDigest: undefined, kernelArguments: [] },
    ...{ applied: undefined, complete: true, root: directory },
  };
  return {
    ...{ deployments: [booted], booted, bootId: 'boot', bootedKernelArguments: [], baseKernelArguments: [] },
    ...{ staged: undefined, probation: undefined, failed: [], bootFellBack: false },
  };
}

describe('probeAll', () => {
  test('asks what listens, and tells what was answered', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/hang') return;
      if (request.url === '/moved') response.writeHead(302, { location: '/ok' }).end();
      else if (request.url === '/bad') response.writeHead(503).end('database is away');
      else response.writeHead(200).end('ok');
    });
    // "discard": nothing listens there.
    const refused = 9;
    const port = portOf(await listen(server));
    const url = (path: string) => `http://127.0.0.1:${port}${path}`;
    try {
      const http = [
        { name: 'ok', url: url('/ok') },
        { name: 'moved', url: url('/moved') },
        { name: 'wanted', url: url('/moved'), status: 302 },
        { name: 'bad', url: url('/bad') },
        { name: 'hang', url: url('/hang'), timeoutSeconds: 1 },
        { name: 'refused', url: `http://127.0.0.1:${refused}/` },
      ];
      const tcp = [
        { name: 'tcp', host: '127.0.0.1', port },
        { name: 'tcp-refused', host: '127.0.0.1', port: refused },
      ];
      const results = await probeAll({ http, tcp }, { remaining: 60_000, root: '/', signal });
      expect(results.map(({ name, passed, message, output }) => [name, passed, message, output])).toEqual([
        ['ok', true, '', ''],
        ['moved', false, `${url('/moved')} answered 302, healthy is 200 to 299`, ''],
        ['wanted', true, '', ''],
        ['bad', false, `${url('/bad')} answered 503, healthy is 200 to 299`, 'database is away'],
        ['hang', false, `${url('/hang')}: no answer within 1 s`, ''],
        ['refused', false, expect.stringContaining('ECONNREFUSED'), ''],
        ['tcp', true, '', ''],
        ['tcp-refused', false, expect.stringContaining('ECONNREFUSED'), ''],
      ]);
    } finally {
      server.closeAllConnections();
      await close(server);
    }
  });
});

describe('a check over HTTPS', () => {
  test('whose time is over before it is asked fails, and ends nothing else', async () => {
    const server = await listen(createTcpServer(() => {}));
    try {
      const http = [{ name: 'late', url: `https://127.0.0.1:${portOf(server)}/` }];
      const [result] = await probeAll({ http }, { remaining: 0, root, signal });
      expect(result).toMatchObject({ name: 'late', passed: false, message: expect.stringContaining('within 0 s') });
      // An error that nobody listens to comes a little later.
      await nextTurn();
    } finally {
      await close(server);
    }
  });

  test.each<[name: string, trust: (ca: string) => Partial<HttpCheck>, problem: string | undefined]>([
    ['with the CA of the service passes', (ca) => ({ ca }), undefined],
    ['with a file of the host that has it passes', () => ({ caFile: '/etc/app/ca.pem' }), undefined],
    ['with both trusts either', (ca) => ({ ca, caFile: '/etc/other.pem' }), undefined],
    ['passes where the host trusts the CA', () => ({}), undefined],
    ['with another CA fails, and says what to do', () => ({ caFile: '/etc/other.pem' }), 'or trust it in the image'],
    ['for another name fails', (ca) => ({ ca, url: 'https://localhost' }), 'does not match'],
    ['with a file that is not there fails', () => ({ caFile: '/etc/missing.pem' }), 'ENOENT'],
    ['with a file of something else fails', () => ({ caFile: '/etc/motd' }), 'there is no certificate in /etc/motd'],
  ])('%s', async (_name, trust, problem) => {
    const authority = await createCertificateAuthority({ commonName: 'private' });
    const other = await createCertificateAuthority({ commonName: 'other' });
    const { certificate: cert, key } = await issueServerCertificate(authority, { hosts: ['127.0.0.1'] });
    await write('etc/app/ca.pem', authority.certificate, 0o644);
    await write('etc/other.pem', other.certificate, 0o644);
    await write('etc/motd', 'hello', 0o644);
    await write('etc/ssl/certs/ca-certificates.crt', `${other.certificate}\n${authority.certificate}`, 0o644);
    const server = await listen(createTlsServer({ cert, key }, (_request, response) => response.end('ok')));
    try {
      const given = trust(authority.certificate);
      const http = [{ name: 'web', ...given, url: `${given.url ?? 'https://127.0.0.1'}:${portOf(server)}/` }];
      const [result] = await probeAll({ http }, { remaining: 60_000, root, signal });
      expect(result).toMatchObject({ passed: problem === undefined, message: expect.stringContaining(problem ?? '') });
    } finally {
      server.closeAllConnections();
      await close(server);
    }
  });

  test('does not trust what nobody vouches for, even where the host has no certificates', async () => {
    const authority = await createCertificateAuthority({ commonName: 'private' });
    const { certificate: cert, key } = await issueServerCertificate(authority, { hosts: ['127.0.0.1'] });
    const server = await listen(createTlsServer({ cert, key }, (_request, response) => response.end('ok')));
    try {
      const http = [{ name: 'web', url: `https://127.0.0.1:${portOf(server)}/` }];
      const [result] = await probeAll({ http }, { remaining: 10_000, root, signal });
      expect(result).toMatchObject({ passed: false, message: expect.stringContaining('`ca` or `caFile`') });
    } finally {
      server.closeAllConnections();
      await close(server);
    }
  });
});

async function listen<T extends Server>(server: T): Promise<T> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
