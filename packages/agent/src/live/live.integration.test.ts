// Live applies on a real tree with the real systemctl: whatever fails, and whoever is killed where, all old or all new.
import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomFrom } from '../faults/fault.ts';
import { dataUrl } from '../fixtures/host.ts';
import { configs, LiveTree } from '../fixtures/live-tree.ts';

/** On config a. */
let base: LiveTree;
let image: string[];
let old: string[];
let next: string[];
let steps: string[];

beforeAll(async () => {
  base = await LiveTree.create();
  image = await base.snapshot();
  await base.apply('a', configs.a);
  old = await base.snapshot();
  await using host = await base.copy();
  steps = [];
  await host.apply('b', configs.b, { onStep: (step) => steps.push(step) });
  next = await host.snapshot();
});
afterAll(async () => await base[Symbol.asyncDispose]());

describe('a live apply', () => {
  test('changes, adds and removes files, directories, links, units, keys and a password, and tells services once', async () => {
    await using host = await base.copy();
    await rm(join(host.directory, 'actions'));
    await host.apply('b', configs.b);
    expect(await host.actions()).toEqual(['DaemonReload b', 'Restart b']);
    const read = async (path: string) => (await host.tree.readFile(path))?.toString();
    expect(await read('/etc/motd')).toBe('image\n');
    expect(await read('/etc/app.d/changed')).toBe('b\n');
    expect(await read('/var/home/core/.ssh/authorized_keys.d/ignition')).toBe('ssh-ed25519 B\n');
    expect(await read('/etc/shadow')).toBe('root:*:1::::::\ncore:$6$b:1::::::\n');
    for (const gone of ['/etc/only-a', '/usr/local/bin/only-a', '/etc/systemd/system/only-a.service']) {
      expect(await host.tree.lstat(gone), gone).toBeUndefined();
    }
    expect(await host.tree.readLink('/etc/systemd/system/becomes-masked.service')).toBe('/dev/null');
    const wants = await host.tree.list('/etc/systemd/system/multi-user.target.wants');
    expect(wants).toEqual(['app.service', 'only-b.service', 'was-masked.service']);
    expect((await host.record()).config).toBe('b');
  });

  test('there and back again is where it was; to an empty config, what the image and the user had', async () => {
    await using host = await base.copy();
    await host.apply('b', configs.b);
    await host.apply('a', configs.a);
    expect(await host.snapshot()).toEqual(old);
    await host.apply('none', {});
    const left = new Set(await host.snapshot());
    const lost = image.filter((line) => !left.has(line) && !line.startsWith('etc/varve/applied.json'));
    expect(lost).toEqual([]);
    expect(await host.tree.lstat('/etc/only-a')).toBeUndefined();
  });

  test('the same config again touches nothing and tells nobody', async () => {
    await using host = await base.copy();
    await rm(join(host.directory, 'actions'));
    await host.apply('a', configs.a);
    expect(await host.actions()).toEqual([]);
    expect(await host.snapshot()).toEqual(old);
  });
});

describe("a peer's known failures", () => {
  test('partial file writes, then an error: nothing of the config stays', async () => {
    await using host = await base.copy();
    const swaps = steps.filter((step) => step.startsWith('swap'));
    const half = swaps[Math.floor(swaps.length / 2)];
    const failing = host.apply('b', configs.b, {
      onStep: (step) => {
        if (step === half) throw new Error('the disk is gone');
      },
    });
    await expect(failing).rejects.toThrow('the disk is gone');
    expect(await host.snapshot()).toEqual(old);
  });

  test('a post-action fails: files and units are the old ones, and services are told of them again', async () => {
    await using host = await base.copy();
    await rm(join(host.directory, 'actions'));
    let restarts = 0;
    const failing = host.apply('b', configs.b, {
      onAction: ({ kind }) => {
        if (kind === 'Restart' && restarts++ === 0) throw new Error('exit status 1');
      },
    });
    await expect(failing).rejects.toThrow('exit status 1');
    expect(await host.snapshot()).toEqual(old);
    expect(await host.actions()).toEqual(['DaemonReload b', 'DaemonReload a', 'Restart a']);
  });

  test('both units and files changed, then found unhealthy: both are undone', async () => {
    await using host = await base.copy();
    await rm(join(host.directory, 'actions'));
    await host.apply('b', configs.b, { isWell: false });
    expect(await host.snapshot()).toEqual(old);
    expect(await host.actions()).toEqual(['DaemonReload b', 'Restart b', 'DaemonReload a', 'Restart a']);
  });

  test('a unit that cannot be enabled undoes the files before it', async () => {
    await using host = await base.copy();
    const systemd = { units: [{ name: 'missing.service', enabled: true }] };
    const storage = { files: [{ path: '/etc/app.d/changed', contents: { source: dataUrl('c\n') } }] };
    const spec = { config: { ignition: { version: '3.4.0' }, storage, systemd } };
    await expect(host.apply('c', spec)).rejects.toMatchObject({ code: 'UNIT_FAILED' });
    expect(await host.snapshot()).toEqual(old);
  });

  test.each([
    ['the path itself', 'app.d/changed', false],
    ['a directory above it', 'app.d', true],
  ])('%s is a symbolic link to elsewhere: it is never followed', async (_, name, isDirectory) => {
    await using host = await base.copy();
    const outside = join(host.directory, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'changed'), 'of somebody else\n');
    const path = join(host.tree.root, 'etc', name);
    await rm(path, { recursive: true });
    await symlink(isDirectory ? outside : join(outside, 'changed'), path);
    const applied = host.apply('b', configs.b);
    if (isDirectory) await expect(applied).rejects.toMatchObject({ code: 'TREE_PATH_UNSAFE' });
    else await applied;
    expect(await readFile(join(outside, 'changed'), 'utf8')).toBe('of somebody else\n');
    if (!isDirectory) expect(await host.snapshot()).toEqual(next);
  });
});

test('an error at any step leaves all old, an error after the commit all new', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: steps.length - 1 }), async (fatal) => {
      await using host = await base.copy();
      let count = 0;
      const onStep = () => {
        if (count++ === fatal) throw new Error('fatal');
      };
      await host.apply('b', configs.b, { onStep }).catch(() => {});
      await host.recover();
      expect([old, next]).toContainEqual(await host.snapshot());
      if (fatal < steps.indexOf('committed')) expect(await host.snapshot()).toEqual(old);
    }),
    { numRuns: 20 },
  );
});

async function run(host: LiveTree, verb: string, fatal: number): Promise<void> {
  const child = fileURLToPath(import.meta.resolve('../fixtures/live-child.ts'));
  await new Promise((resolve) => {
    execFile(process.execPath, [child, host.directory, verb, String(fatal)], resolve);
  });
}

const seed = Number(process.env.VARVE_SEED ?? randomInt(2 ** 32));
/** Every boundary takes minutes; each run takes some. */
const everyBoundary = process.env.VARVE_KILL_ROUNDS !== undefined;

test('kill -9 at a step boundary, and again while recovering: all old or all new', { timeout: 3_600_000 }, async () => {
  const stride = everyBoundary ? 1 : 20;
  const committed = steps.indexOf('committed');
  const random = randomFrom(seed);
  for (let fatal = Math.floor(random() * stride); fatal < steps.length; fatal += stride) {
    await using host = await base.copy();
    await run(host, 'apply', fatal);
    await run(host, 'recover', Math.floor(random() * steps.length));
    await host.recover();
    // The step is announced before it is done.
    expect(await host.snapshot(), `killed before ${steps[fatal]} (VARVE_SEED=${seed})`).toEqual(
      fatal <= committed ? old : next,
    );
    expect(await host.recover()).toBe('nothing');
    await host.apply('b', configs.b);
    expect(await host.snapshot()).toEqual(next);
  }
});
