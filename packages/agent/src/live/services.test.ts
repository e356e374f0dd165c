import { expect, test } from 'vitest';
import { systemctlArguments, systemdServices } from './services.ts';

test.each([
  [{ kind: 'DaemonReload' as const }, ['daemon-reload']],
  [{ kind: 'Restart' as const, unit: 'a.service', ifRunning: false }, ['restart', '--', 'a.service']],
  [{ kind: 'Restart' as const, unit: 'a.service', ifRunning: true }, ['try-restart', '--', 'a.service']],
  [{ kind: 'Reload' as const, unit: 'a.service', ifRunning: false }, ['reload', '--', 'a.service']],
  [{ kind: 'Reload' as const, unit: 'a.service', ifRunning: true }, ['try-reload-or-restart', '--', 'a.service']],
  [{ kind: 'Drain' as const }, undefined],
  [{ kind: 'None' as const }, undefined],
])('%o', (action, expected) => expect(systemctlArguments(action)).toEqual(expected));

test('a failure says which command failed', async () => {
  const { signal } = new AbortController();
  const failing = systemdServices(['false']).run({ kind: 'DaemonReload' }, signal);
  await expect(failing).rejects.toMatchObject({
    code: 'UNIT_FAILED',
    message: expect.stringContaining('daemon-reload'),
  });
});

test('an action that is taken back is no failure of a unit: its config would be given up for it', async () => {
  const stop = new AbortController();
  const running = systemdServices(['sh', '-c', 'sleep 60']).run({ kind: 'DaemonReload' }, stop.signal);
  setTimeout(() => stop.abort(), 50);
  await expect(running).rejects.toMatchObject({ name: 'AbortError' });
});
