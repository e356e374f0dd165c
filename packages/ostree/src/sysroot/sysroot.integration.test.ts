import { mkdtemp, readdir, readFile, readlink, stat, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { OstreeChecksum } from '../checksum.ts';
import { collectGarbage } from '../garbage.ts';
import { importImage } from '../image.ts';
import { imageRefPrefix, layerRefPrefix } from '../ref-name.ts';
import { bootableLayer, testImage } from '../testing/image.ts';
import { fsck, ostree, removeSysroot } from '../testing/sysroot.ts';
import { readFileInTree, removeInTree, writeFileInTree } from '../tree-file.ts';
import type { Deployment } from './deployment.ts';
import { Sysroot } from './sysroot.ts';

const stateroot = 'varve';
const fileOptions = { mode: 0o644, uid: 0, gid: 0 };
const [one, two, three] = ['localhost:5000/os:1', 'localhost:5000/os:2', 'localhost:5000/os:3'];

let directory: string;
let sysroot: Sysroot;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-sysroot-'));
  sysroot = await Sysroot.create(directory, { stateroot });
});

afterEach(async () => {
  await removeSysroot(directory);
});

async function importVersion(reference: string): Promise<OstreeChecksum> {
  const { image, openLayer } = testImage(
    [
      bootableLayer,
      [
        { path: 'etc/version', content: reference },
        { path: 'etc/gone', content: 'default' },
      ],
    ],
    { reference },
  );
  return (await importImage({ repository: sysroot.repository, image, openLayer })).commit;
}

async function deploy(reference: string, mergeFrom?: Deployment, kernelArguments = ['rw']): Promise<Deployment> {
  const commit = await importVersion(reference);
  return sysroot.deploy({ commit, stateroot, imageReference: reference, kernelArguments, mergeFrom });
}

async function bootOrder(): Promise<(string | undefined)[]> {
  return (await sysroot.deployments()).map(({ imageReference }) => imageReference);
}

/** The boot order as `ostree` itself sees it: commits. */
async function statusOrder(): Promise<string[]> {
  const status = await ostree('admin', 'status', `--sysroot=${directory}`);
  return [...status.matchAll(/^\s+varve ([0-9a-f]{64})\.\d+/gm)].map(([, checksum]) => checksum ?? '');
}

describe('create', () => {
  test('can be repeated', async () => {
    await deploy(one);
    await Sysroot.create(directory, { stateroot });
    expect(await bootOrder()).toEqual([one]);
  });

  test('refuses a stateroot that is a path', async () => {
    await expect(Sysroot.create(directory, { stateroot: '../x' })).rejects.toMatchObject({ code: 'SYSROOT_INVALID' });
  });
});

describe('deploy', () => {
  test('puts a deployment behind the default, with exactly the given arguments', async () => {
    const first = await deploy(one, undefined, ['root=LABEL=root', 'console=ttyS0', 'console=tty0', 'rw']);
    const second = await deploy(two, first, ['quiet']);
    expect(first).toMatchObject({ index: 0, stateroot, serial: 0, pinned: false });
    expect(first.kernelArguments).toEqual(['root=LABEL=root', 'console=ttyS0', 'console=tty0', 'rw']);
    expect(second).toMatchObject({ index: 1, kernelArguments: ['quiet'] });
    expect(await bootOrder()).toEqual([one, two]);
    expect(await readFile(`${sysroot.deploymentPath(second)}.origin`, 'utf8')).toBe(
      `[origin]\ncontainer-image-reference=ostree-unverified-registry:${two}\n`,
    );
  });

  test('knows the digest of the image', async () => {
    const { image, openLayer } = testImage([bootableLayer]);
    const { commit } = await importImage({ repository: sysroot.repository, image, openLayer });
    const deployment = await sysroot.deploy({ commit, stateroot, imageReference: one, kernelArguments: [] });
    expect(deployment.imageDigest).toBe(image.manifestDigest);
  });

  test('gives the same commit twice different serials', async () => {
    const first = await deploy(one);
    const again = await deploy(one, first, ['quiet']);
    expect([again.checksum, again.serial]).toEqual([first.checksum, 1]);
  });

  test('carries over changes to /etc from the running deployment, not from the default', async () => {
    const running = await deploy(one);
    const etc = join(sysroot.deploymentPath(running), 'etc');
    await writeFileInTree(etc, 'local', Buffer.from('mine'), fileOptions);
    await removeInTree(etc, 'gone');
    const pending = await deploy(two, running);
    await writeFileInTree(
      join(sysroot.deploymentPath(pending), 'etc'),
      'local',
      Buffer.from('never booted'),
      fileOptions,
    );
    await sysroot.setDefault(pending);

    const next = await deploy(three, running);
    const path = sysroot.deploymentPath(next);
    expect(await readFileInTree(path, 'etc/local')).toEqual(Buffer.from('mine'));
    expect(await readFileInTree(path, 'etc/gone')).toBeUndefined();
    expect(await readFileInTree(path, 'etc/version')).toEqual(Buffer.from(three));
    expect(await bootOrder()).toEqual([one, three, two]);
  });

  test("starts with the image's own /etc when there is nothing to merge from", async () => {
    const first = await deploy(one);
    await writeFileInTree(sysroot.deploymentPath(first), 'etc/local', Buffer.from('mine'), fileOptions);
    const second = await deploy(two);
    expect(await readFileInTree(sysroot.deploymentPath(second), 'etc/local')).toBeUndefined();
    expect(await bootOrder()).toEqual([one, two]);
  });

  test('keeps owner, mode and content of files', async () => {
    const { image, openLayer } = testImage([
      [
        ...bootableLayer,
        { path: 'usr/bin/', type: 'directory' },
        { path: 'usr/bin/su', content: 'su', mode: 0o4755, uid: 1, gid: 2 },
      ],
    ]);
    const { commit } = await importImage({ repository: sysroot.repository, image, openLayer });
    const deployment = await sysroot.deploy({ commit, stateroot, imageReference: one, kernelArguments: [] });
    const su = await stat(join(sysroot.deploymentPath(deployment), 'usr/bin/su'));
    expect([su.mode & 0o7777, su.uid, su.gid, su.mtimeMs]).toEqual([0o4755, 1, 2, 0]);
  });

  test('refuses a commit that is not there, and leaves the order alone', async () => {
    const first = await deploy(one);
    const options = { stateroot, imageReference: two, kernelArguments: [], mergeFrom: first };
    const commit = (await importVersion(two)).replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    await expect(sysroot.deploy({ ...options, commit: commit as OstreeChecksum })).rejects.toMatchObject({
      code: 'OSTREE_COMMAND_FAILED',
    });
    expect(await bootOrder()).toEqual([one]);
  });
});

describe('setDefault', async () => {
  test('changes the order as ostree sees it, and ostree goes on from there', async () => {
    const first = await deploy(one, undefined, ['rw', 'one']);
    const second = await deploy(two, first, ['rw', 'two']);
    await sysroot.setDefault(second);
    expect(await bootOrder()).toEqual([two, one]);
    expect(await statusOrder()).toEqual([second.checksum, first.checksum]);
    expect((await sysroot.bootEntry(second)).kernelArguments).toEqual(['rw', 'two']);

    const third = await deploy(three, second, ['rw', 'three']);
    expect(await statusOrder()).toEqual([second.checksum, third.checksum, first.checksum]);
    await sysroot.setDefault(third);
    await ostree('admin', 'cleanup', `--sysroot=${directory}`);
    expect(await statusOrder()).toEqual([third.checksum, second.checksum, first.checksum]);
    await sysroot.undeploy(first);
    expect(await bootOrder()).toEqual([three, two]);
    await sysroot.setDefault(second);
    expect(await bootOrder()).toEqual([two, three]);
    await fsck(sysroot.repository.path);
  });

  test('writes entries whose links lead to their deployments', async () => {
    const first = await deploy(one, undefined, ['one']);
    const second = await deploy(two, first, ['two']);
    await sysroot.setDefault(second);
    for (const deployment of [second, first]) {
      const { boot, fields, version } = await sysroot.bootEntry(deployment);
      const link = join(
        directory,
        `ostree/boot.${boot.bootVersion}`,
        boot.stateroot,
        boot.bootChecksum,
        String(boot.serial),
      );
      expect(await readlink(link)).toBe(`../../../deploy/varve/deploy/${deployment.checksum}.0`);
      const title = fields.find(([key]) => key === 'title')?.[1];
      expect(title).toBe(deployment === second ? 'Test OS (ostree:0)' : 'Test OS (ostree:1)');
      expect(version).toBe(deployment === second ? 2 : 1);
      const kernel = fields.find(([key]) => key === 'linux')?.[1] ?? '';
      expect((await stat(join(directory, 'boot', kernel))).size).toBeGreaterThan(0);
    }
    // The names of ostree before and since 2024.5.
    expect((await readdir(join(directory, 'boot/loader/entries'))).sort().join()).toMatch(
      /^ostree-1(-varve)?\.conf,ostree-2\1\.conf$/,
    );
  });

  test('does nothing for the default, and refuses what is not there', async () => {
    const first = await deploy(one);
    const before = await readlink(join(directory, 'boot/loader'));
    await sysroot.setDefault(first);
    expect(await readlink(join(directory, 'boot/loader'))).toBe(before);
    await expect(sysroot.setDefault({ ...first, serial: 7 })).rejects.toMatchObject({ code: 'DEPLOYMENT_NOT_FOUND' });
  });

  const hasSetDefault = (await ostree('admin', '--help')).includes('set-default');
  test.skipIf(hasSetDefault)('refuses to change the order for a boot loader with its own files', async () => {
    const first = await deploy(one);
    const second = await deploy(two, first);
    await ostree('config', `--repo=${sysroot.repository.path}`, 'set', 'sysroot.bootloader', 'auto');
    await expect(sysroot.setDefault(second)).rejects.toMatchObject({ code: 'SYSROOT_INVALID' });
  });
});

test('a deployment whose commit is lost is still a deployment', async () => {
  const first = await deploy(one);
  await unlink(sysroot.repository.objectPath(first.checksum, 'commit'));
  expect(await sysroot.deployments()).toEqual([{ ...first, imageDigest: undefined }]);
});

describe('undeploy', () => {
  test('refuses the default', async () => {
    const first = await deploy(one);
    await expect(sysroot.undeploy(first)).rejects.toMatchObject({ code: 'DEPLOYMENT_IN_USE' });
  });
});

describe('collectGarbage', () => {
  test('keeps what is deployed or staged and removes the rest', async () => {
    const first = await deploy(one);
    const staged = await importVersion(two);
    await importVersion(three);
    const { repository } = sysroot;
    expect(await repository.listRefs(layerRefPrefix)).toHaveLength(4);

    expect(await collectGarbage(sysroot, { keep: [staged] })).toEqual({ imagesRemoved: 1, layersRemoved: 1 });
    expect(await repository.listRefs(imageRefPrefix)).toHaveLength(2);
    await fsck(repository.path);
    const second = await sysroot.deploy({
      commit: staged,
      stateroot,
      imageReference: two,
      kernelArguments: [],
      mergeFrom: first,
    });
    await sysroot.setDefault(second);
    await sysroot.undeploy(first);

    expect(await collectGarbage(sysroot)).toEqual({ imagesRemoved: 1, layersRemoved: 1 });
    expect(await repository.readRef(`${imageRefPrefix}docker_3A__2F__2F_localhost_3A_5000/os_3A_2`)).toBe(staged);
    expect(await repository.listRefs(layerRefPrefix)).toHaveLength(2);
    expect(await collectGarbage(sysroot)).toEqual({ imagesRemoved: 0, layersRemoved: 0 });
    await fsck(repository.path);
  });
});
