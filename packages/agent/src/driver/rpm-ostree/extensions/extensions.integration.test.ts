// Packages and kernels from extensions images that buildah made, on real sysroots, by a program that answers like rpm-ostree
// and takes packages only from repositories that it is told of.
import { randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { duplexPair } from 'node:stream';
import { fileURLToPath } from 'node:url';
import spawn from 'nano-spawn';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bootableContent, FixtureRegistry } from '../../../fixtures/registry.ts';
import { createToolHost, openRpmOstree, stage, type ToolHost, update } from '../../../fixtures/tool-host.ts';
import { type Answer, ByteStream, Channel } from '../../../helper/channel.ts';
import { Lender } from '../../../helper/lend.ts';
import { LentNetwork } from '../../../helper/lent-network.ts';
import { trustLocally } from '../../../helper/verify.ts';
import { OwnNetwork } from '../../../network/network.ts';
import { registryClientFor } from '../../../network/registry.ts';
import { repositoryPath } from './layer-files.ts';
import { withExtensions } from './lend.ts';
import { repositoryFile } from './repository-file.ts';

const { signal } = new AbortController();
const kernel = ['kernel-rt-core-6-1.x86_64.rpm', 'kernel-rt-modules-6-1.x86_64.rpm'];
let directory: string;
let registry: FixtureRegistry;
let images: string[];
let first: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-extensions-'));
  registry = await FixtureRegistry.start();
  images = [1, 2, 3].map((n) => registry.add(bootableContent(String(n), { 'usr/share/rpm/rpmdb.sqlite': '' })));
  first = await extensionsImage('first', ['usbguard-1.0-1.x86_64.rpm', 'git-2-1.x86_64.rpm', ...kernel]);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** Two layers: the packages, and what tells of them. */
async function extensionsImage(name: string, packages: readonly string[]): Promise<string> {
  const context = join(directory, name);
  await mkdir(join(context, 'packages'), { recursive: true });
  await mkdir(join(context, 'repodata'), { recursive: true });
  for (const file of packages) {
    await writeFile(join(context, 'packages', file), contentOf(file));
  }
  await writeFile(join(context, 'repodata/repomd.xml'), `<repomd name="${name}"/>`);
  const lines = ['FROM scratch', `COPY packages /${repositoryPath}`, `COPY repodata /${repositoryPath}/repodata`];
  await writeFile(join(context, 'Containerfile'), `${lines.join('\n')}\n`);
  const storage = [
    '--root',
    join(directory, 'storage'),
    '--runroot',
    join(directory, 'run'),
    '--storage-driver',
    'vfs',
  ];
  const build = ['build', '--quiet', '--layers', '--isolation', 'chroot', '--tag', name, '--file', 'Containerfile'];
  await spawn('buildah', [...storage, ...build, '.'], { cwd: context });
  await spawn('buildah', [...storage, 'push', '--quiet', name, `oci:${join(context, 'layout')}:latest`]);
  return registry.addLayout(join(context, 'layout'));
}

/** Packed packages do not shrink any more; what a hostile image calls one may. */
function contentOf(file: string): string | Buffer {
  if (file.startsWith('large-')) return randomBytes(1 << 20);
  return file.startsWith('zeros-') ? Buffer.alloc(1 << 20) : file;
}

async function packageIn({ driver }: ToolHost, name: string): Promise<string> {
  const { booted } = await driver.status(signal);
  return await readFile(join(booted.root, 'usr/share/packages', name), 'utf8');
}

/** What a fetch must not leave behind. */
async function leftovers({ driver, paths, tools }: ToolHost): Promise<string[]> {
  const { booted } = await driver.status(signal);
  const found: string[] = (await tools.isStaged()) ? ['staged'] : [];
  for (const path of [join(booted.root, repositoryFile), join(paths.root, 'extensions')]) {
    await access(path).then(
      () => found.push(path),
      () => {},
    );
  }
  return found;
}

const usbguard = { extensions: ['usbguard'] };

test('packages and a kernel come from the image, which is gone when they are there', async () => {
  await using host = await createToolHost(images, openRpmOstree);
  const spec = { osImageURL: host.image(2), baseOSExtensionsContainerImage: first, ...usbguard };
  await update(host, { ...spec, kernelType: 'realtime' });
  expect((await host.tools.takeCalls())[0]).toBe(
    `rpm-ostree rebase --lock-finalization --install=usbguard ostree-unverified-registry:${host.image(2)}`,
  );
  expect(await packageIn(host, 'usbguard')).toBe('usbguard-1.0-1.x86_64.rpm');
  expect(await packageIn(host, 'kernel-rt-core')).toBe(kernel[0]);
  expect(await leftovers(host)).toEqual([]);
  await update(host, { ...spec, kernelType: 'realtime', kernelArguments: ['quiet'] }, 'two');
  expect(await host.tools.takeCalls()).toEqual([]);
});

test('the same packages of another image are other packages, unless they are the same', async () => {
  await using host = await createToolHost(images, openRpmOstree);
  const spec = { osImageURL: host.image(2), ...usbguard };
  await update(host, { ...spec, baseOSExtensionsContainerImage: first });
  await host.tools.takeCalls();
  const newer = await extensionsImage('newer', ['usbguard-1.1-1.x86_64.rpm']);
  await update(host, { ...spec, baseOSExtensionsContainerImage: newer }, 'two');
  expect(await host.tools.takeCalls()).toEqual([
    'rpm-ostree upgrade --lock-finalization',
    'rpm-ostree cleanup --pending',
  ]);
  expect(await packageIn(host, 'usbguard')).toBe('usbguard-1.1-1.x86_64.rpm');
  const same = await extensionsImage('same', ['usbguard-1.1-1.x86_64.rpm', 'git-3-1.x86_64.rpm']);
  await update(host, { ...spec, baseOSExtensionsContainerImage: same }, 'three');
  expect(await host.tools.takeCalls()).toEqual(['rpm-ostree upgrade --lock-finalization']);
  await update(host, { ...spec, baseOSExtensionsContainerImage: same }, 'four');
  expect(await host.tools.takeCalls()).toEqual([]);
  expect(await packageIn(host, 'usbguard')).toBe('usbguard-1.1-1.x86_64.rpm');
});

test('a host with packages takes what needs no boot without one', async () => {
  await using host = await createToolHost(images, openRpmOstree);
  const disruption = { files: [{ path: '/etc/app', actions: [{ type: 'None' as const }] }] };
  const specOf = (text: string) => ({
    ...{ osImageURL: host.image(2), baseOSExtensionsContainerImage: first, ...usbguard },
    config: {
      ignition: { version: '3.4.0' },
      storage: { files: [{ path: '/etc/app', contents: { source: `data:,${text}` } }] },
    },
  });
  await update(host, specOf('one'));
  await stage(host, specOf('two'), 'two');
  const target = trustLocally({ config: 'two', image: host.image(2), spec: specOf('two'), disruption });
  await host.driver.applyLive({ target, signal, onStep: () => {} });
  const { booted } = await host.driver.status(signal);
  expect(await readFile(join(booted.root, 'etc/app'), 'utf8')).toBe('two');
  await host.driver.markGood(signal);
  await writeFile(join(booted.root, 'etc/app'), 'mine');
  const repairing = { ...target, drift: [{ path: '/etc/app', action: 'Repair' as const }] };
  await host.driver.repair({ target: repairing, paths: ['/etc/app'], signal });
  expect(await readFile(join(booted.root, 'etc/app'), 'utf8')).toBe('two');
});

test('a config without packages fetches no extensions image', async () => {
  await using host = await createToolHost(images, openRpmOstree);
  const missing = first.replace(/sha256:.*/, `sha256:${'0'.repeat(64)}`);
  await stage(host, { osImageURL: host.image(2), baseOSExtensionsContainerImage: missing });
});

test.each<[string, () => string, string[], { code: string; message?: unknown }]>([
  [
    'a package that it does not have',
    () => first,
    ['vim'],
    { code: 'HOST_COMMAND_FAILED', message: expect.stringContaining('vim') },
  ],
  [
    'no repository',
    () => images[2] ?? '',
    ['usbguard'],
    { code: 'CONFIG_UNSUPPORTED', message: expect.stringContaining('repomd.xml') },
  ],
  [
    'a symbolic link',
    () => withLink(),
    ['usbguard'],
    { code: 'CONFIG_UNSUPPORTED', message: expect.stringContaining('symlink') },
  ],
  [
    'no digest',
    () => first.replace(/@.*/, ':latest'),
    ['usbguard'],
    { code: 'CONFIG_UNSUPPORTED', message: expect.stringContaining('digest') },
  ],
  [
    'nobody who has it',
    () => first.replace(/sha256:.*/, `sha256:${'0'.repeat(64)}`),
    ['usbguard'],
    { code: 'IMAGE_NOT_FOUND' },
  ],
])('an image with %s leaves nothing behind', async (_name, image, extensions, error) => {
  await using host = await createToolHost(images, openRpmOstree);
  const spec = { osImageURL: host.image(2), extensions, baseOSExtensionsContainerImage: image() };
  await expect(stage(host, spec)).rejects.toMatchObject(error);
  expect(await leftovers(host)).toEqual([]);
});

function withLink(): string {
  const files = { [`${repositoryPath}/repodata/repomd.xml`]: '' };
  return registry.add({ files, links: { [`${repositoryPath}/usbguard-1-1.x86_64.rpm`]: '/etc/shadow' } });
}

describe('a helper without a network', () => {
  /** What the helper sees of the repository while it is lent, with an agent whose answers pass through `change`. */
  async function lent(change: (bytes: Uint8Array) => Uint8Array): Promise<string[]> {
    const registryOptions = { insecure: true, retry: { attempts: 1, firstDelay: 1 } };
    await using lender = new Lender(
      (reference) => registryClientFor(reference, undefined, registryOptions),
      new OwnNetwork(async () => undefined, registryOptions),
    );
    const changed: Answer = async (verb, params, context) => {
      const answer = await lender.answer(verb, params, context);
      return verb === 'blob' && answer instanceof ByteStream ? new ByteStream(mapped(answer.bytes, change)) : answer;
    };
    const [left, right] = duplexPair();
    const channels = [new Channel(left, changed), new Channel(right, async () => undefined)];
    for (const channel of channels) channel.run().catch(() => {});
    const network = new LentNetwork();
    network.use(channels[1]);
    const root = await mkdtemp(join(directory, 'root-'));
    const place = { root, directory: join(root, 'extensions') };
    try {
      return await withExtensions({ ...place, image: first, network, signal, onProgress: () => {} }, async () => {
        const text = await readFile(join(root, repositoryFile), 'utf8');
        return await readdir(fileURLToPath(/^baseurl=(.*)$/m.exec(text)?.[1] ?? ''));
      });
    } finally {
      const left = await readdir(root, { recursive: true });
      expect(left.filter((path) => path.includes('extensions'))).toEqual([]);
      for (const channel of channels) channel.close();
    }
  }

  test('has the image from the agent', async () => {
    expect(await lent((bytes) => bytes)).toEqual(expect.arrayContaining(['repodata', 'usbguard-1.0-1.x86_64.rpm']));
  });

  test('believes nothing of what the agent brings', async () => {
    const flip = (bytes: Uint8Array) => bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1);
    await expect(lent(flip)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});

async function* mapped(source: AsyncIterable<Uint8Array>, change: (bytes: Uint8Array) => Uint8Array) {
  for await (const bytes of source) yield change(bytes);
}

test.each([
  ['an image that does not fit is not begun', 'large'],
  ['an image of which more comes out than there is room for ends before the disk is full', 'zeros'],
])('%s', async (_name, kind) => {
  const image = await extensionsImage(kind, [`${kind}-1-1.x86_64.rpm`]);
  const root = await mkdtemp(join(directory, 'small-'));
  await spawn('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'varve-test', root]);
  try {
    const network = new OwnNetwork(async () => undefined, { insecure: true });
    const place = { root, directory: join(root, 'extensions') };
    const unpacking = withExtensions({ ...place, image, network, signal, onProgress: () => {} }, async () => {});
    await expect(unpacking).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await readdir(root)).toEqual([]);
  } finally {
    await spawn('umount', [root]);
  }
});

test('what a killed one left goes before anything else is done', async () => {
  await using host = await createToolHost(images, openRpmOstree);
  const { booted } = await host.driver.status(signal);
  for (const path of [join(booted.root, repositoryFile), join(host.paths.root, 'extensions/repository/a.rpm')]) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '');
  }
  await host.driver.recover(signal);
  expect(await leftovers(host)).toEqual([]);
});
