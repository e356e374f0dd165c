// Live applies under a systemd that runs.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineConfigSpec } from '@varve/api';
import { expect, test } from 'vitest';
import { dataUrl } from '../fixtures/host.ts';
import { configs, LiveTree } from '../fixtures/live-tree.ts';
import { PrivateSystemd } from '../fixtures/private-systemd.ts';
import { systemdServices } from './services.ts';

test('a service runs with the new files; one that does not start takes everything back, and runs with the old ones', async () => {
  await using host = await LiveTree.create();
  await using systemd = await PrivateSystemd.start(host.tree.root, [], host.directory);
  const services = systemdServices(systemd.systemctl);
  const log = join(host.directory, 'starts');
  const conf = join(host.tree.root, 'etc/app.d/changed');
  const unit = `[Unit]\nDefaultDependencies=no\n[Service]\nType=exec\nExecStartPre=/bin/sh -c '! grep bad ${conf}'\nExecStart=/bin/sh -c 'cat ${conf} >>${log}; exec sleep 1000'\n[Install]\nWantedBy=idle-test.target\n`;
  const specOf = (text: string): MachineConfigSpec => ({
    config: {
      ...configs.a.config,
      storage: { files: [{ path: '/etc/app.d/changed', contents: { source: dataUrl(`${text}\n`) } }] },
      systemd: { units: [{ name: 'app.service', enabled: true, contents: `${unit}# ${text}\n` }] },
    },
  });
  const starts = async () => (await readFile(log, 'utf8')).trim().split('\n');
  await host.apply('one', specOf('one'), { services });
  await host.apply('two', specOf('two'), { services });
  expect(await systemd.ask('is-active', 'app.service')).toBe('active');
  await expect.poll(starts).toEqual(['one', 'two']);

  const before = await host.snapshot();
  await expect(host.apply('bad', specOf('bad'), { services })).rejects.toMatchObject({
    code: 'UNIT_FAILED',
    message: expect.stringContaining('restart -- app.service'),
  });
  expect(await host.snapshot()).toEqual(before);
  expect(await systemd.ask('is-active', 'app.service')).toBe('active');
  await expect.poll(starts).toEqual(['one', 'two', 'two']);
  expect(await systemd.ask('show', '--property=NeedDaemonReload', 'app.service')).toBe('NeedDaemonReload=no');
});
