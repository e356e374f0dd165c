// The Debian package: what is in it, that Debian's own tools find nothing wrong with it, and how far its units are fenced in.
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildAgent } from '../scripts/build-agent/build.ts';
import { buildDeb } from '../scripts/build-deb/build.ts';
import { run } from './process.ts';

let directory: string;
let deb: string;
let root: string;
let units: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-package-'));
  await buildAgent(join(directory, 'varve-agent'));
  deb = await buildDeb(join(directory, 'varve-agent'), directory);
  root = join(directory, 'root');
  await run('dpkg-deb', '--raw-extract', deb, root);
  units = join(root, 'lib/systemd/system');
});

afterAll(async () => await rm(directory, { recursive: true }));

test('it installs one executable that runs, its units and its user, all of root', async () => {
  const contents = (await run('dpkg-deb', '--contents', deb)).split('\n');
  for (const line of contents) expect(line).toContain('root/root');
  for (const path of ['usr/bin/varve-agent', 'usr/lib/sysusers.d/varve.conf']) {
    expect(contents.some((line) => line.endsWith(` ./${path}`))).toBe(true);
  }
  expect(await run('env', '-i', join(root, 'usr/bin/varve-agent'), '--version')).toMatch(/^\d/);
  expect((await stat(deb)).size).toBeLessThan(45e6);
  for (const script of ['postinst', 'prerm', 'postrm']) await run('sh', '-n', join(root, 'DEBIAN', script));
});

test('systemd reads the units, and makes the user', async () => {
  const names = await readdir(units);
  expect(names.sort()).toEqual([
    'varve-agent.service',
    'varve-helper.service',
    'varve-helper.socket',
    'varve-join.service',
  ]);
  const paths = names.map((name) => join(units, name));
  const { stderr } = await spawn('systemd-analyze', ['verify', '--man=no', ...paths]).catch((error) => error);
  // Installed it is not, here.
  const complaints = String(stderr)
    .split('\n')
    .filter((line) => !/varve-agent is not executable|^$/.test(line));
  expect(complaints).toEqual([]);
  await run('systemd-sysusers', '--dry-run', join(root, 'usr/lib/sysusers.d/varve.conf'));
});

test.each([
  ['varve-agent.service', 15],
  ['varve-helper.service', 50],
  ['varve-join.service', 30],
])('%s is fenced in: its exposure stays below %d of 100', async (name, threshold) => {
  await run('systemd-analyze', 'security', '--offline=yes', `--threshold=${threshold}`, join(units, name));
});

test('lintian finds no fault', async (context) => {
  if ((await run('which', 'lintian').catch(() => '')) === '') return context.skip('lintian is not installed');
  await writeFile(join(directory, 'lintianrc'), '');
  const options = ['--allow-root', '--cfg', join(directory, 'lintianrc'), '--fail-on', 'error,warning'];
  expect(await run('lintian', ...options, deb)).toBe('');
});
