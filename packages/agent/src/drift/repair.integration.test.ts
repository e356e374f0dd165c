// What somebody changes on a running host is put back, told or passed over, path by path.
import { createHash } from 'node:crypto';
import { appendFile, chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DriftPolicy } from '@varve/api';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dataUrl, FixtureHost } from '../fixtures/host.ts';
import { bootableContent, FixtureRegistry } from '../fixtures/registry.ts';
import { trustLocally } from '../helper/verify.ts';
import { loadNamesAt } from '../tree/extended-attributes.ts';
import { Tree } from '../tree/tree.ts';
import { maxRepairs } from './breaker.ts';
import { withDiffs } from './with-diffs.ts';

let registry: FixtureRegistry;
let image: string;
beforeAll(async () => {
  registry = await FixtureRegistry.start();
  image = registry.add(bootableContent('1'));
});
afterAll(async () => await registry[Symbol.asyncDispose]());

const spec = {
  config: {
    ignition: { version: '3.4.0' },
    storage: {
      files: ['/etc/app/kept', '/etc/app/told', '/etc/app/fought-over', '/etc/app/given'].map((path) => ({
        path,
        mode: 0o640,
        contents: { source: dataUrl('as the config says\n') },
      })),
      links: [{ path: '/etc/app/link', target: 'kept' }],
    },
    systemd: { units: [{ name: 'shipped.service', enabled: true }] },
  },
};
/** cap_net_raw=ep (linux/capability.h, struct vfs_cap_data). */
const capability = '0x0100000200200000000000000000000000000000';
const policy: DriftPolicy = [
  { path: '/etc', action: 'Repair' },
  { path: '/etc/app/told', action: 'Report' },
];

async function contentOf(path: string): Promise<string> {
  return await readFile(path, 'utf8');
}

test('managed paths are put back, others and unmanaged ones are not', async () => {
  await using host = await FixtureHost.create(image);
  await host.desire('one', 'Applied', spec, { drift: policy });
  await host.converge('one');
  const etc = join((await host.status()).booted.root, 'etc');
  const wants = join(etc, 'systemd/system/multi-user.target.wants/shipped.service');
  await writeFile(join(etc, 'app/unmanaged'), 'of the administrator\n');
  await writeFile(join(etc, 'app/told'), 'by hand\n');
  await rm(join(etc, 'app/link'));
  await mkdir(join(etc, 'app/link'));
  let isSpoilt = false;
  await host.runUntil(async () => {
    // While the agent is at work on it, it goes on.
    if (isSpoilt) return true;
    isSpoilt = true;
    await appendFile(join(etc, 'app/kept'), 'by hand\n');
    await chmod(join(etc, 'app/fought-over'), 0o777);
    await spawn('setfattr', ['--name=security.capability', `--value=${capability}`, join(etc, 'app/given')]);
    await rm(wants, { force: true });
    return true;
  });
  // A directory may hold anybody's things: it is told and not removed.
  await host.runUntil(async () => {
    const { drift } = await host.status();
    return drift.map(({ path }) => path).join() === '/etc/app/told,/etc/app/link';
  });
  await rm(join(etc, 'app/link'), { recursive: true });
  await host.runUntil(async () => (await host.status()).drift.length === 1);
  expect(await contentOf(join(etc, 'app/kept'))).toBe('as the config says\n');
  expect((await stat(join(etc, 'app/fought-over'))).mode & 0o7777).toBe(0o640);
  expect((await loadNamesAt())(join(etc, 'app/given'))).toEqual([]);
  expect(await contentOf(join(etc, 'app/told'))).toBe('by hand\n');
  expect(await contentOf(join(etc, 'app/unmanaged'))).toBe('of the administrator\n');
});

test('a path is put back although the source of another one is out of reach', async () => {
  await using host = await FixtureHost.create(image);
  const remote = 'remote\n';
  const server = createServer((_request, response) => response.end(remote));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const contents = {
    source: `http://127.0.0.1:${port}/file`,
    verification: { hash: `sha256-${createHash('sha256').update(remote).digest('hex')}` },
  };
  const files = [
    { path: '/etc/app/remote', contents },
    { path: '/etc/app/kept', contents: { source: dataUrl('as the config says\n') } },
  ];
  await host.desire('one', 'Applied', { config: { ...spec.config, storage: { files } } }, { drift: policy });
  await host.converge('one');
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  // As after a return to a config from before.
  await rm(host.paths.sources, { recursive: true });
  const kept = join((await host.status()).booted.root, 'etc/app/kept');
  await writeFile(kept, 'by hand\n');
  await host.runUntil(async () => (await host.status()).drift.length === 0);
  expect(await contentOf(kept)).toBe('as the config says\n');
});

test('whoever changes a path again and again is let have it, for a while', async () => {
  await using host = await FixtureHost.create(image);
  await host.desire('one', 'Applied', spec, { drift: policy });
  await host.converge('one');
  const path = join((await host.status()).booted.root, 'etc/app/fought-over');
  let changes = 0;
  await host.runUntil(async () => {
    if ((await contentOf(path)) !== 'as the config says\n') return changes > maxRepairs;
    changes += 1;
    await writeFile(path, `change ${changes}\n`);
    await sleep(3_000);
    return false;
  });
  expect(changes).toBe(maxRepairs + 1);
  expect(await contentOf(path)).toBe(`change ${maxRepairs + 1}\n`);
});

test('a changed file is told with its lines when everybody may read it, and without what may be secret', async () => {
  await using host = await FixtureHost.create(image);
  const file = (path: string, mode: number) => ({ path, mode, contents: { source: dataUrl('port=1\npassword=x\n') } });
  const files = [file('/etc/open', 0o644), file('/etc/closed', 0o640)];
  const storage = { config: { ignition: { version: '3.4.0' }, storage: { files } } };
  await host.desire('one', 'Applied', storage);
  await host.converge('one');
  const { root } = (await host.status()).booted;
  for (const { path } of files) await writeFile(join(root, path), 'port=2\npassword=y\n');
  const desired = { ...trustLocally({ config: 'one', image, spec: storage }), uid: 'u', generation: 1 };
  const [open, closed] = await withDiffs((await host.status()).drift, desired, new Tree(root));
  expect(open?.diff).toBe('-port=1\n-password ***\n+port=2\n+password ***');
  expect(closed).toMatchObject({ path: '/etc/closed', kind: 'Content' });
  expect(closed?.diff).toBeUndefined();
});
