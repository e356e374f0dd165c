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
