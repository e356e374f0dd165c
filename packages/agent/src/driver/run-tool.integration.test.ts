import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { outsideRunner, requireTool, toolRunner } from './run-tool.ts';

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

test('a confined process has its tools run by systemd', async () => {
  await program('systemd-run', 'echo "$@"');
  const run = outsideRunner({ PATH: directory });
  expect(await run('ostree', ['admin', 'status'], { signal })).toBe(
    '--quiet --wait --pipe --collect --service-type=exec --setenv=LC_ALL=C -- ostree admin status',
  );
  expect(await run('varve-has-no-such-tool', [], { signal })).toBeUndefined();
});
