// Stacks of layers made by chance, imported by us and by the real tools: `ostree commit --tree=tar` for each layer, checkouts
// with whiteouts on top of each other, and `ostree commit` of the result, which is what ostree-ext does
// (lib/src/container/store.rs). Both must give the same trees, by checksum.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import spawn from 'nano-spawn';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type OstreeChecksum, parseChecksum } from './checksum.ts';
import { importImage } from './image.ts';
import type { DirectoryTree } from './objects/dirtree.ts';
import { Repository } from './repository.ts';
import { bootableLayer, testImage } from './testing/image.ts';
import { layerEntries, layerStack } from './testing/layer-stack.ts';
import { fsck } from './testing/sysroot.ts';
import { type TarInput, tar } from './testing/tar.ts';

let directory: string;
let repository: Repository;
/** What the real tools write. */
let theirs: Repository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-differential-'));
  repository = await Repository.create(join(directory, 'repo'), 'bare');
  theirs = await Repository.create(join(directory, 'theirs'), 'bare');
  await ostree('config', `--repo=${theirs.path}`, 'set', 'core.fsync', 'false');
});

afterEach(async () => {
  await fsck(repository.path);
  await rm(directory, { recursive: true, force: true });
});

/** libarchive reads names by the locale. */
async function ostree(...args: string[]): Promise<string> {
  const { stdout } = await spawn('ostree', args, { env: { LC_ALL: 'C.UTF-8' } });
  return stdout;
}

async function theirImport(layers: readonly (readonly TarInput[])[]): Promise<OstreeChecksum> {
  const checkout = join(directory, 'checkout');
  await mkdir(checkout, { recursive: true });
  for (const [index, layer] of layers.entries()) {
    const file = join(directory, `${index}.tar`);
    await writeFile(file, tar(layer));
    const branch = `layer-${index}`;
    await ostree(
      'commit',
      `--repo=${theirs.path}`,
      '--no-bindings',
      '--tar-autocreate-parents',
      `--tree=tar=${file}`,
      `--branch=${branch}`,
    );
    await ostree('checkout', `--repo=${theirs.path}`, '--union', '--whiteouts', branch, checkout);
  }
  return parseChecksum(await ostree('commit', `--repo=${theirs.path}`, '--orphan', `--tree=dir=${checkout}`));
}

async function ourImport(layers: readonly (readonly TarInput[])[]): Promise<OstreeChecksum> {
  const { image, openLayer } = testImage(layers);
  return (await importImage({ repository, image, openLayer })).commit;
}

/** What a commit has in a directory of its root. */
async function childrenOf(holder: Repository, commit: OstreeChecksum, name: string): Promise<DirectoryTree> {
  const root = holder.readDirTree(holder.readCommit(commit).tree);
  const child = root.directories.get(name);
  if (child === undefined) throw new Error(`no /${name}`);
  return holder.readDirTree(child.tree);
}

const batches = 5;
/** Five hundred stacks in all. */
const stacksInBatch = 100;

test.each(Array.from({ length: batches }, (_, index) => index))('stacks of layers, batch %i', async (batch) => {
  const seed = Number(process.env.VARVE_SEED ?? Date.now() % 1_000_000) + batch;
  const stacks = fc.sample(layerStack, { seed, numRuns: stacksInBatch });
  const layers: TarInput[][] = [[...bootableLayer, { path: 'cases/', type: 'directory' }], [], []];
  for (const [number, stack] of stacks.entries()) {
    for (const [index, operations] of stack.entries()) {
      layers[index]?.push(...layerEntries(operations, `cases/${number}`));
    }
  }
  const [ours, theirCommit] = [await ourImport(layers), await theirImport(layers)];
  const [ourCases, theirCases] = [
    await childrenOf(repository, ours, 'cases'),
    await childrenOf(theirs, theirCommit, 'cases'),
  ];
  expect(theirCases.directories.size).toBe(stacksInBatch);
  const different = stacks.filter((_, number) => {
    const name = String(number);
    return JSON.stringify(ourCases.directories.get(name)) !== JSON.stringify(theirCases.directories.get(name));
  });
  expect(different.slice(0, 1), `VARVE_SEED=${seed - batch}, ${different.length} stacks`).toEqual([]);
});

describe('where OSTree and the OCI specification disagree, we do as the specification says:', () => {
  test('a directory that a layer has an entry for takes its owner and permissions', async () => {
    const layers: TarInput[][] = [
      [...bootableLayer, { path: 'srv/', type: 'directory', mode: 0o755 }],
      [{ path: 'srv/', type: 'directory', mode: 0o700, uid: 7 }],
    ];
    expect(await ostree('ls', '-d', `--repo=${repository.path}`, await ourImport(layers), '/srv')).toMatch(
      /^d00700 7 0/,
    );
    expect(await ostree('ls', '-d', `--repo=${theirs.path}`, await theirImport(layers), '/srv')).toMatch(/^d00755 0 0/);
  });

  test.each([
    ['!before', false],
    ['behind', true],
  ])('a whiteout does not hide what its own layer has: %s', async (name, theirsHaveIt) => {
    const layers: TarInput[][] = [
      [...bootableLayer, { path: 'srv/', type: 'directory' }, { path: `srv/${name}`, content: 'lower' }],
      [{ path: 'srv/', type: 'directory' }, { path: `srv/.wh.${name}` }, { path: `srv/${name}`, content: 'upper' }],
    ];
    expect([...(await childrenOf(repository, await ourImport(layers), 'srv')).files.keys()]).toEqual([name]);
    expect([...(await childrenOf(theirs, await theirImport(layers), 'srv')).files.keys()]).toEqual(
      theirsHaveIt ? [name] : [],
    );
  });

  test('a directory that no layer has an entry for is of root, whoever owns what is in it', async () => {
    const layers: TarInput[][] = [[...bootableLayer, { path: 'srv/implied/x', uid: 7 }]];
    expect(await ostree('ls', '-d', `--repo=${repository.path}`, await ourImport(layers), '/srv/implied')).toMatch(
      /^d00755 0 0/,
    );
    expect(await ostree('ls', '-d', `--repo=${theirs.path}`, await theirImport(layers), '/srv/implied')).toMatch(
      /^d00755 7 0/,
    );
  });
});
