import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { atOneMoment } from './at-one-moment.ts';

let sysroot: string;
beforeEach(async () => {
  sysroot = await mkdtemp(join(tmpdir(), 'varve-moment-'));
  await putInPlace(0, ['old']);
});
afterEach(async () => await rm(sysroot, { recursive: true }));

/** As OSTree does it: beside what is in use, then by one rename; what was in use goes. */
async function putInPlace(version: number, entries: readonly string[]): Promise<void> {
  const boot = join(sysroot, 'boot');
  await mkdir(join(boot, `loader.${version}`), { recursive: true });
  for (const [index, text] of entries.entries()) {
    await writeFile(join(boot, `loader.${version}`, `${index}.conf`), text);
  }
  await symlink(`loader.${version}`, join(boot, 'loader.next'));
  await rename(join(boot, 'loader.next'), join(boot, 'loader'));
  await rm(join(boot, `loader.${1 - version}`), { recursive: true, force: true });
}

/** Replaces the entries between the look at their names and the look at their contents, so many times. */
async function readWhileReplaced(times: number): Promise<string[]> {
  let left = times;
  return await atOneMoment(sysroot, async () => {
    const loader = join(sysroot, 'boot/loader');
    const names = await readdir(loader);
    if (left > 0) await putInPlace(left % 2, [`${left--} first`, 'new']);
    return await Promise.all(names.map((name) => readFile(join(loader, name), 'utf8')));
  });
}

test.each([
  [0, ['old']],
  [1, ['1 first', 'new']],
  [5, ['1 first', 'new']],
])('entries that are replaced %i times are those of one moment', async (times, entries) => {
  expect(await readWhileReplaced(times)).toEqual(entries);
});

test('there and back again is another moment', async () => {
  let isFirst = true;
  const seen = await atOneMoment(sysroot, async () => {
    const names = await readdir(join(sysroot, 'boot/loader'));
    if (isFirst) for (const version of [1, 0]) await putInPlace(version, ['other', 'more']);
    isFirst = false;
    return names;
  });
  expect(seen).toEqual(['0.conf', '1.conf']);
});

test('entries that stay and lead elsewhere are of another moment', async () => {
  const link = join(sysroot, 'ostree/boot.0');
  const pointTo = async (target: string) => {
    await symlink(target, `${link}.next`);
    await rename(`${link}.next`, link);
  };
  await mkdir(join(sysroot, 'ostree'));
  await pointTo('boot.0.0');
  let isFirst = true;
  const seen = await atOneMoment(sysroot, async () => {
    const before = await readlink(link);
    if (isFirst) await pointTo('boot.0.1');
    isFirst = false;
    return [before, await readlink(link)];
  });
  expect(seen).toEqual(['boot.0.1', 'boot.0.1']);
});

test('what is wrong at one moment is told', async () => {
  await expect(atOneMoment(sysroot, () => readFile(join(sysroot, 'missing')))).rejects.toMatchObject({
    code: 'ENOENT',
  });
  await rm(join(sysroot, 'boot'), { recursive: true });
  expect(await atOneMoment(sysroot, async () => 'nothing')).toBe('nothing');
});
