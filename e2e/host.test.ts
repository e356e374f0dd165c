// `varve host` as an administrator runs it, on a host that no control plane knows.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { removeSysroot } from '../packages/agent/src/fixtures/host.ts';
import { bootableContent, FixtureRegistry } from '../packages/agent/src/fixtures/registry.ts';
import { varve, varveFailure } from './process.ts';

let registry: FixtureRegistry;
let images: string[];
let directory: string;
let sysroot: string;
let env: Record<string, string>;

beforeAll(async () => {
  registry = await FixtureRegistry.start();
  images = ['1', '2'].map((version) => registry.add(bootableContent(version)));
  directory = await mkdtemp(join(tmpdir(), 'varve-host-cli-'));
  sysroot = join(directory, 'host');
  const registries = join(directory, 'registries.conf');
  await writeFile(registries, `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`);
  env = { CONTAINERS_REGISTRIES_CONF: registries, REGISTRY_AUTH_FILE: join(directory, 'auth.json') };
  await writeFile(env.REGISTRY_AUTH_FILE ?? '', '{}');
  await host('create', '--image', images[0] ?? '', '--karg', 'root=LABEL=root');
});
afterAll(async () => {
  await removeSysroot(sysroot);
  await rm(directory, { recursive: true, force: true });
  await registry[Symbol.asyncDispose]();
});

const words = (verb: string, args: readonly string[]) => ['host', verb, '--sysroot', sysroot, ...args];
const host = (verb: string, ...args: string[]) => varve(words(verb, args), env);
const failure = (verb: string, ...args: string[]) => varveFailure(words(verb, args), env);
const status = async (): Promise<unknown> => JSON.parse(await host('status', '--output', 'json'));

test('a dry run shows what would be done, and does nothing', async () => {
  const planned: unknown = JSON.parse(await host('rebase', images[1] ?? '', '--dry-run', '--output', 'json'));
  expect(planned).toMatchObject({ result: 'DryRun', image: images[1], kernelArguments: ['root=LABEL=root'] });
  expect(await status()).toMatchObject({ driver: 'ostree', booted: { image: images[0] }, bootPending: false });
});

test('an image and kernel arguments, and the way back', async () => {
  expect(await host('rebase', images[1] ?? '')).toContain('takes effect with the next boot');
  expect(await status()).toMatchObject({ booted: { image: images[0] }, bootPending: true });
  await host('rebase', images[1] ?? '', '--reboot');
  expect(await status()).toMatchObject({ booted: { image: images[1] }, rollback: { image: images[0] } });
  expect(await host('rebase', images[1] ?? '')).toContain('runs this already');
  await host('kargs', '--append', 'quiet', '--append', 'console=ttyS0', '--reboot');
  expect(await host('kargs')).toBe('root=LABEL=root\nquiet\nconsole=ttyS0');
  await host('kargs', '--delete', 'quiet', '--reboot');
  expect(await host('confirm')).toContain('healthy');
  expect(await status()).toMatchObject({ kernelArguments: ['root=LABEL=root', 'console=ttyS0'] });
  await host('rollback', '--reboot');
  expect(await status()).toMatchObject({ kernelArguments: ['root=LABEL=root', 'quiet', 'console=ttyS0'] });
});

test('garbage goes', async () => {
  expect(await host('gc')).toMatch(/^\d deployments removed, 2 kept$/);
});

test('what differs is shown, and is no success', async () => {
  expect(JSON.parse(await host('diff', '--output', 'json'))).toEqual({ drift: [] });
  const entries = join(sysroot, 'boot/loader/entries');
  // A boot entry that somebody edited.
  for (const name of await readdir(entries)) {
    const text = await readFile(join(entries, name), 'utf8');
    await writeFile(join(entries, name), text.replace('root=LABEL=root', 'root=LABEL=root debug'));
  }
  const { exitCode, stderr } = await failure('diff');
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('HOST_DIFFERS')]);
  expect(await failure('selftest')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('SELFTEST_FAILED') });
  for (const name of await readdir(entries)) {
    const text = await readFile(join(entries, name), 'utf8');
    await writeFile(join(entries, name), text.replace(' debug', ''));
  }
});

test('a self-test says of every check whether it passed', async () => {
  const before = await status();
  const table = await host('selftest', '--write', '--image', images[0] ?? '');
  expect(table).toMatch(/^CHECK +RESULT +DETAIL\n/);
  expect(table).toMatch(/^undo +pass /m);
  expect(table).not.toContain('FAIL');
  expect(await status()).toEqual(before);
});

test('what cannot be done is said', async () => {
  expect(await failure('kargs', '--delete', 'nothing')).toMatchObject({ exitCode: 1 });
  expect(await failure('rebase', images[0] ?? '', '--driver', 'other')).toMatchObject({ exitCode: 2 });
  const missing = await failure('rebase', `${registry.host}/test/os@sha256:${'0'.repeat(64)}`);
  expect(missing).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('IMAGE_NOT_FOUND') });
  for (const verb of ['status', 'diff']) {
    const noTool = await failure(verb, '--driver', 'bootc');
    expect(noTool).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('DRIVER_UNSUITABLE') });
  }
});
