// Real builds with buildah on empty images: what fails, how it is told, and what is left behind.
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseImageReference } from '@varve/oci';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type BuildImageOptions, buildImage } from './build-image.ts';
import { openStorage } from './storage.ts';

let directory: string;
let context: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-build-'));
});

beforeEach(async () => {
  context = await mkdtemp(join(directory, 'context-'));
});

afterAll(async () => {
  // buildah keeps a mount on its storage.
  await spawn('umount', ['--lazy', join(directory, 'storage/containers/overlay')]).catch(() => {});
  await rm(directory, { recursive: true, force: true });
});

/** Nothing listens on the registry's port. */
function optionsFor(changes: Partial<BuildImageOptions> = {}): BuildImageOptions {
  return {
    containerfile: join(context, 'Containerfile'),
    context,
    destination: { reference: parseImageReference('127.0.0.1:9/os/test:latest'), tlsVerify: false },
    storageDirectory: join(directory, 'storage'),
    ...changes,
  };
}

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(context, path)), { recursive: true });
    await writeFile(join(context, path), text);
  }
}

const kernel = { 'tree/usr/lib/modules/6.1/vmlinuz': '', 'tree/usr/lib/modules/6.1/initramfs.img': '' };

/** A tree that has what the rules ask for, changed by `files`. */
async function writeTree(files: Record<string, string>): Promise<void> {
  await write({
    Containerfile: 'FROM scratch\nCOPY tree /\n',
    'tree/etc/os-release': '',
    'tree/sysroot/x': '',
    ...files,
  });
  await symlink('sysroot/ostree', join(context, 'tree/ostree'));
}

/** The machine's sleep with its libraries, for a RUN in an otherwise empty image. */
async function copySleep(): Promise<void> {
  const libraries = (await spawn('ldd', ['/bin/sleep'])).stdout.match(/\/\S+/g) ?? [];
  for (const path of ['/bin/sleep', ...libraries]) {
    await mkdir(join(context, 'tree', dirname(path)), { recursive: true });
    await cp(path, join(context, 'tree', path), { dereference: true });
  }
}

/** Ids of processes that have this argument. */
async function processesWith(argument: string): Promise<string[]> {
  const found: string[] = [];
  for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const commandLine = await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '');
    if (commandLine.split('\0').includes(argument)) found.push(id);
  }
  return found;
}

describe('buildImage', () => {
  test('names the line of the step that failed, and streams the log', async () => {
    await write({ Containerfile: '# comment\nFROM scratch\n\nLABEL a=b\nCOPY missing /\n' });
    const log: string[] = [];
    const build = buildImage(optionsFor({ onLog: (line) => log.push(line) }));
    await expect(build).rejects.toMatchObject({
      code: 'BUILD_FAILED',
      message: /Containerfile line 5, step 3\/3 "COPY missing \/" failed/,
    });
    expect(log).toContain('STEP 2/3: LABEL a=b');
  });

  test('tells what buildah says of a file that is no Containerfile', async () => {
    await write({ Containerfile: 'FROM scratch\nNONSENSE here\n' });
    await expect(buildImage(optionsFor())).rejects.toMatchObject({ code: 'BUILD_FAILED', message: /NONSENSE/i });
  });

  test.each<[string, Record<string, string>, string]>([
    ['no kernel', {}, 'IMAGE_WITHOUT_KERNEL'],
    ['two kernels', { ...kernel, 'tree/usr/lib/modules/6.9/vmlinuz': '' }, 'IMAGE_WITH_SEVERAL_KERNELS'],
    ['no initramfs', { 'tree/usr/lib/modules/6.1/vmlinuz': '' }, 'IMAGE_WITHOUT_INITRAMFS'],
    ['/etc and /usr/etc', { ...kernel, 'tree/usr/etc/x': '' }, 'IMAGE_WITH_TWO_ETC'],
  ])('refuses an image with %s before it is pushed', async (_, files, code) => {
    await writeTree(files);
    await expect(buildImage(optionsFor())).rejects.toMatchObject({ code });
  });

  test('says where a good image could not be pushed', async () => {
    await writeTree(kernel);
    await expect(buildImage(optionsFor())).rejects.toMatchObject({
      code: 'IMAGE_PUSH_FAILED',
      message: /127\.0\.0\.1:9/,
    });
  });

  test('names a Containerfile that does not exist', async () => {
    await expect(buildImage(optionsFor())).rejects.toMatchObject({ code: 'CONTAINERFILE_UNREADABLE' });
  });

  test('ends with the reason of an abort; no process goes on, and the next build removes the container', async () => {
    await write({ Containerfile: 'FROM scratch\nCOPY tree /\nRUN ["/bin/sleep", "7531"]\n' });
    await copySleep();
    const reason = new Error('the user left');
    const controller = new AbortController();
    const build = buildImage(optionsFor({ signal: controller.signal }));
    build.catch(() => {});
    await expect.poll(() => processesWith('7531')).not.toEqual([]);
    controller.abort(reason);
    await expect(build).rejects.toBe(reason);
    await expect.poll(() => processesWith('7531')).toEqual([]);
    await write({ Containerfile: 'FROM scratch\nLABEL a=b\n' });
    await expect(buildImage(optionsFor())).rejects.toMatchObject({ code: 'IMAGE_WITHOUT_KERNEL' });
    const storage = await openStorage(join(directory, 'storage'), 'auto');
    expect((await spawn('buildah', [...storage.options, 'containers', '--noheading'])).stdout).toBe('');
    const left = (await readdir(join(directory, 'storage'))).filter((name) => name.startsWith('build-'));
    expect(left).toEqual([]);
  });
});
