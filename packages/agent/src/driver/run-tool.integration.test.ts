import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PrivateSystemd } from '../fixtures/private-systemd.ts';
import { inUnit, type SystemdCommands } from '../health/in-unit.ts';
import { runCheck } from '../health/run-check.ts';
import { outsideRunner, requireTool, stopOutside, toolRunner } from './run-tool.ts';

const { signal } = new AbortController();
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-run-'));
});
afterEach(async () => await rm(directory, { recursive: true }));

async function program(name: string, body: string): Promise<void> {
  await writeFile(join(directory, name), `#!/bin/sh\n${body}\n`);
  await chmod(join(directory, name), 0o755);
}

test('the output of a tool, and what it said when it failed', async () => {
  await program('tool', 'test "$1" = good && echo "$LC_ALL" || { echo "error: no space" >&2; exit 1; }');
  const run = toolRunner({ PATH: directory });
  expect(await run('tool', ['good'], { signal })).toBe('C');
  await expect(run('tool', ['bad'], { signal })).rejects.toMatchObject({
    code: 'HOST_COMMAND_FAILED',
    message: '`tool bad` failed: error: no space',
  });
});

test('a tool that is not there is no failure of its own', async () => {
  const run = toolRunner({ PATH: directory });
  expect(await run('tool', [], { signal })).toBeUndefined();
  await expect(requireTool(run, 'tool', [], { signal })).rejects.toMatchObject({ code: 'DRIVER_UNSUITABLE' });
});

test('a tool is stopped with its caller', async () => {
  await program('tool', 'exec /bin/sleep 60');
  const end = new AbortController();
  const running = toolRunner({ PATH: directory })('tool', [], { signal: end.signal });
  end.abort(new Error('told to stop'));
  await expect(running).rejects.toThrow('told to stop');
});

describe('a confined process has its tools run by systemd', () => {
  let place: string;
  let systemd: PrivateSystemd;
  let commands: SystemdCommands;

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'varve-run-'));
    systemd = await PrivateSystemd.start(place, ['dbus.socket', 'dbus.service']);
    const [file, ...words] = systemd.systemctl;
    // systemd-run waits by way of the bus.
    await systemd.ask('start', 'dbus.socket', 'dbus.service');
    commands = { control: systemd.systemctl, run: [file, ...words.slice(0, -1), 'systemd-run'] };
  });
  afterAll(async () => {
    await systemd[Symbol.asyncDispose]();
    await rm(place, { recursive: true, force: true });
  });

  const units = async () => await systemd.ask('list-units', '--all', '--plain', '--no-legend', 'varve-*');

  test('and has what they said', async () => {
    const run = outsideRunner({}, commands);
    expect(await run('env', [], { signal })).toContain('LC_ALL=C');
    await expect(run('cat', ['/missing'], { signal })).rejects.toMatchObject({
      code: 'HOST_COMMAND_FAILED',
      message: expect.stringMatching(/^`cat \/missing` failed: .*No such file or directory$/),
    });
    expect(await run('varve-has-no-such-tool', [], { signal })).toBeUndefined();
    expect(await units()).toBe('');
  });

  test('one that nobody waits for any more is stopped', async () => {
    const end = new AbortController();
    const running = outsideRunner({}, commands)('sleep', ['1000'], { signal: end.signal });
    await expect.poll(units).toContain('running');
    end.abort(new Error('told to stop'));
    await expect(running).rejects.toThrow('told to stop');
    expect(await units()).toBe('');
  });

  test('one of a process that was killed is stopped by the next', async () => {
    const running = outsideRunner({}, commands)('sleep', ['1000'], { signal });
    const hook = runCheck(inUnit({ command: 'sleep', arguments: ['1000'] }, 60_000, commands), 60_000, signal);
    await expect.poll(async () => (await units()).match(/running/g)?.length).toBe(2);
    await stopOutside(commands);
    expect(await units()).toBe('');
    await Promise.all([running, hook]);
  });
});
