// Health checks as units of a real systemd of the test's own.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PrivateSystemd } from '../fixtures/private-systemd.ts';
import { inUnit, type SystemdCommands } from './in-unit.ts';
import { runCheck } from './run-check.ts';
import { parseUnitNames } from './units.ts';

const { signal } = new AbortController();
let directory: string;
let systemd: PrivateSystemd;
let commands: SystemdCommands;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-check-'));
  systemd = await PrivateSystemd.start(directory, ['dbus.socket', 'dbus.service']);
  const [file, ...words] = systemd.systemctl;
  // systemd-run waits by way of the bus.
  await systemd.ask('start', 'dbus.socket', 'dbus.service');
  commands = { control: systemd.systemctl, run: [file, ...words.slice(0, -1), 'systemd-run'] };
});
afterAll(async () => {
  await systemd[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const shell = (script: string, timeout: number) =>
  inUnit({ command: '/bin/sh', arguments: ['-c', script] }, timeout, commands);

async function failedUnits(): Promise<string[]> {
  return parseUnitNames(await systemd.ask('list-units', '--state=failed', '--all', '--plain', '--no-legend'));
}

test.each([
  ['echo fine', true, '', 'fine'],
  ['echo out; echo err >&2; exit 3', false, 'ended with status 3', 'out\nerr'],
])('%s', async (script, passed, message, output) => {
  expect(await runCheck(shell(script, 60_000), 60_000, signal)).toEqual({ passed, message, output });
  await expect.poll(failedUnits).toEqual([]);
});

test('a check that hangs is ended with all that it started, sessions of its own included', async () => {
  const file = join(directory, 'pid');
  const run = await runCheck(shell(`setsid sleep 1000 & echo $! > ${file}; echo waiting; wait`, 5_000), 5_000, signal);
  expect(run).toEqual({ passed: false, message: 'did not end within 5 s', output: 'waiting' });
  const pid = (await readFile(file, 'utf8')).trim();
  const [nsenter, ...words] = commands.control;
  const state = async () => {
    const ps = [...words.slice(0, -1), 'ps', '-o', 'state=', '-p', pid];
    return (await spawn(nsenter, ps).catch(() => ({ stdout: '' }))).stdout.trim();
  };
  await expect.poll(state).toMatch(/^Z?$/);
  await expect.poll(failedUnits).toEqual([]);
});

test('a check that does not exist has failed', async () => {
  const missing = inUnit({ command: join(directory, 'missing'), arguments: [] }, 60_000, commands);
  expect((await runCheck(missing, 60_000, signal)).passed).toBe(false);
});
