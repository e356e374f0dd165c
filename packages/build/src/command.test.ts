import { expect, test } from 'vitest';
import { CommandFailure, runCommand } from './command.ts';

const node = process.execPath;

test('a failing tool is told with its last lines', async () => {
  const script = 'for (let i = 0; i < 30; i++) console.log("line " + i); process.exit(3)';
  const lines: string[] = [];
  const run = runCommand(node, ['-e', script], { onLine: (line) => lines.push(line), timeout: 20_000 });
  const error = await run.catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(CommandFailure);
  expect(error).toMatchObject({ message: expect.stringContaining('exit code 3') });
  expect(error instanceof CommandFailure && error.lastLines.at(-1)).toBe('line 29');
  expect(lines).toHaveLength(30);
});

test('a missing tool is told with the package that brings it', async () => {
  const run = runCommand('mmdebstrap', [], { env: { PATH: '/nonexistent' }, timeout: 20_000 });
  await expect(run).rejects.toMatchObject({ code: 'BUILD_TOOL_MISSING', message: /apt-get install mmdebstrap/ });
});

test('an abort gives the reason of the signal, a deadline says how long it was', async () => {
  const wait = ['-e', 'setTimeout(() => {}, 60_000)'];
  const reason = new Error('the user left');
  await expect(runCommand(node, wait, { signal: AbortSignal.abort(reason), timeout: 20_000 })).rejects.toBe(reason);
  await expect(runCommand(node, wait, { timeout: 60 })).rejects.toThrow(/did not end within 0.001 minutes/);
});
