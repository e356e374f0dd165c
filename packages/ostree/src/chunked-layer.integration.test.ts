// Importing layers by their table of contents: what is fetched, what is not, and what is done with lies.
import { randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Descriptor, OciError } from '@varve/oci';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { importImage } from './image.ts';
import type { ImportProgress } from './progress.ts';
import { rebuildIndex } from './rebuild-index.ts';
import { layerRef, layerRefPrefix } from './ref-name.ts';
import { Repository } from './repository.ts';
import { bootableLayer, chunkedImage, type TestImage, testImage } from './testing/image.ts';
import { fsck, ostree } from './testing/sysroot.ts';
import type { TarInput } from './testing/tar.ts';

let directory: string;
let repository: Repository;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'varve-chunked-'));
  repository = await Repository.create(join(directory, 'repo'), 'bare');
});

afterEach(async () => {
  await fsck(repository.path);
  await rm(directory, { recursive: true, force: true });
});

const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
const big = randomBytes(1_200_000);
const changed = randomBytes(150_000);

const before: readonly TarInput[] = [
  ...bootableLayer,
  { path: 'usr/bin/', type: 'directory', mode: 0o750 },
  { path: 'usr/bin/big', content: big, mode: 0o755 },
  { path: 'usr/bin/changes', content: randomBytes(140_000) },
  { path: 'usr/bin/ping', content: 'ping'.repeat(1000), xattrs: { 'security.capability': capability } },
];

const after: readonly TarInput[] = [
  ...bootableLayer,
  { path: 'usr/bin/', type: 'directory', mode: 0o751 },
  { path: 'usr/bin/big', content: big, mode: 0o755 },
  { path: 'usr/bin/big-su', content: big, mode: 0o4755, uid: 3 },
  { path: 'usr/bin/big-with-xattr', content: big, xattrs: { 'user.a': 'b' } },
  { path: 'usr/bin/changes', content: changed },
  { path: 'usr/bin/changes-too', content: changed, mode: 0o600 },
  { path: 'usr/bin/hard', type: 'hardlink', linkTarget: 'usr/bin/changes' },
  { path: 'usr/bin/soft', type: 'symlink', linkTarget: 'hard' },
  { path: 'usr/bin/empty', content: '' },
  { path: 'usr/bin/ping', content: 'ping'.repeat(1000), xattrs: { 'security.capability': capability } },
  { path: 'run/not-kept', content: randomBytes(100_000) },
  { path: 'tmp/linked', content: 'linked' },
  { path: 'usr/bin/from-tmp', type: 'hardlink', linkTarget: 'tmp/linked' },
];

function importInto(target: Repository, { image, openLayer, openRanges }: TestImage) {
  return importImage({ repository: target, image, openLayer, openRanges });
}

/** The tree that a whole import gives. */
async function reference(image: TestImage): Promise<string> {
  const other = await Repository.create(join(directory, 'reference'), 'bare');
  const { commit } = await importImage({ repository: other, image: image.image, openLayer: image.openLayer });
  await fsck(other.path);
  image.opened.length = 0;
  return commit;
}

describe('an update', () => {
  test('fetches only contents that the host has not, each once, and gives the same commit', async () => {
    await importInto(repository, testImage([before], { reference: 'localhost/os:1' }));
    const next = await chunkedImage([after]);
    const commit = await reference(next);
    const imported = await importInto(repository, next);
    expect(imported.commit).toBe(commit);
    expect(next.opened).toEqual([]);
    // The changed file, and the small one of /tmp that a hard link means.
    expect(next.pieces.map(({ length }) => length > 100_000)).toEqual([true, false]);
    const [layer] = next.image.manifest.layers;
    expect(imported.bytesFetched).toBeLessThan(155_000);
    expect(imported.bytesFetched + imported.bytesReused).toBe(layer?.size);
  });

  test('of nothing fetches the table alone', async () => {
    await importInto(repository, testImage([after], { reference: 'localhost/os:1' }));
    const same = await chunkedImage([after]);
    // Equal by diff-id already: another file makes it another layer.
    const moved = await chunkedImage([[...after, { path: 'usr/bin/big-again', content: big }]]);
    expect(await importInto(repository, same)).toMatchObject({ layersFetched: 0, layersReused: 1, bytesFetched: 0 });
    await importInto(repository, moved);
    expect(moved.opened).toEqual([]);
    expect(moved.pieces).toEqual([]);
  });

  test('tells its progress in bytes fetched and reused', async () => {
    await importInto(repository, testImage([before], { reference: 'localhost/os:1' }));
    const { image, openLayer, openRanges } = await chunkedImage([after]);
    const seen: ImportProgress[] = [];
    await importImage({ repository, image, openLayer, openRanges, onProgress: (progress) => void seen.push(progress) });
    const last = seen.at(-1);
    expect(last).toMatchObject({ step: 'done', bytesDone: last?.bytesTotal });
    expect(last?.bytesReused).toBeGreaterThan(200_000);
    for (const { bytesDone, bytesTotal } of seen) expect(bytesDone).toBeLessThanOrEqual(bytesTotal);
  });

  test('goes on where one that failed left off', async () => {
    const present = { path: 'usr/present', content: randomBytes(20_000_000) };
    await importInto(repository, testImage([[...before, present]], { reference: 'localhost/os:1' }));
    const pieces = [0, 1, 2].map((index) => ({ path: `usr/${index}`, content: randomBytes(40_000_000) }));
    const next = await chunkedImage([[...before, present, ...pieces]]);
    async function* failing(...args: Parameters<TestImage['openRanges']>) {
      let count = 0;
      for await (const range of next.openRanges(...args)) {
        count++;
        if (count === 3) throw new Error('the connection broke');
        yield range;
      }
    }
    const { image, openLayer } = next;
    await expect(importImage({ repository, image, openLayer, openRanges: failing })).rejects.toThrow('broke');
    await fsck(repository.path);
    next.pieces.length = 0;
    await importInto(repository, next);
    expect(next.pieces).toHaveLength(1);
  });
});

describe('the whole layer is read', () => {
  test('when a registry has no ranges', async () => {
    await importInto(repository, testImage([before], { reference: 'localhost/os:1' }));
    const next = await chunkedImage([after]);
    const commit = await reference(next);
    // biome-ignore lint/correctness/useYield: it fails before it has something to give.
    const openRanges: TestImage['openRanges'] = async function* () {
      throw new OciError('RANGES_UNSUPPORTED', 'no ranges');
    };
    const { image, openLayer } = next;
    expect(await importImage({ repository, image, openLayer, openRanges })).toMatchObject({ commit, bytesReused: 0 });
    expect(next.opened).toHaveLength(1);
  });

  test.each([
    ['when nothing of it is there', async () => [] as TarInput[]],
    ['when nearly nothing of it is there', async () => [...bootableLayer]],
  ])('%s', async (_, present) => {
    const layer = await present();
    if (layer.length > 0) await importInto(repository, testImage([layer], { reference: 'localhost/os:1' }));
    const next = await chunkedImage([before]);
    await importInto(repository, next);
    expect(next.opened).toHaveLength(1);
    expect(next.pieces).toEqual([]);
  });
});

describe('the index', () => {
  const indexPath = () => join(repository.path, 'extensions/varve/object-index-1');

  test.each<[string, () => Promise<unknown>]>([
    ['is gone', () => rm(indexPath())],
    ['is rubbish', () => writeFile(indexPath(), randomBytes(10_000))],
    ['is torn', async () => truncate(indexPath(), (await readFile(indexPath())).length - 50)],
    ['has a torn row in the middle', () => appendFile(indexPath(), 'torn')],
  ])('costs time and nothing else when it %s', async (_, damage) => {
    await importInto(repository, testImage([before], { reference: 'localhost/os:1' }));
    await damage();
    const next = await chunkedImage([after]);
    expect(await importInto(repository, next)).toMatchObject({ commit: await reference(next) });
  });

  test('is not believed when it names objects with another content', async () => {
    await importInto(repository, testImage([before], { reference: 'localhost/os:1' }));
    const rows = await readFile(indexPath());
    const { crc32 } = await import('node:zlib');
    // All rows name the object of the first one, with checksums that fit, and metadata that no file has.
    for (let start = 0; start < rows.length; start += 96) {
      rows.fill(0xff, start + 32, start + 60);
      rows.copy(rows, start + 60, 60, 92);
      rows.writeUInt32LE(crc32(rows.subarray(start, start + 92)), start + 92);
    }
    await writeFile(indexPath(), rows);
    const next = await chunkedImage([after]);
    expect(await importInto(repository, next)).toMatchObject({ commit: await reference(next) });
  });

  test('can be rebuilt', async () => {
    await importInto(repository, testImage([before], { reference: 'localhost/os:1' }));
    await rm(indexPath());
    expect(await rebuildIndex(repository)).toBe(7);
    const next = await chunkedImage([after]);
    expect(await importInto(repository, next)).toMatchObject({ commit: await reference(next) });
    expect(next.opened).toEqual([]);
    expect(next.pieces.map(({ length }) => length > 100_000)).toEqual([true, false]);
  });

  test('forgets objects that were pruned, and the import fetches them', async () => {
    const first = testImage([before], { reference: 'localhost/os:1' });
    await importInto(repository, first);
    for (const ref of await repository.listRefs('ostree/')) await repository.deleteRef(ref);
    await ostree('prune', '--refs-only', `--repo=${repository.path}`);
    const next = await chunkedImage([after]);
    expect(await importInto(repository, next)).toMatchObject({ commit: await reference(next) });
  });
});

describe('refuses, and names nothing', () => {
  test('a content that is not what the table says', async () => {
    await importInto(repository, testImage([before], { reference: 'localhost/os:1' }));
    const next = await chunkedImage([after]);
    const other = await chunkedImage([
      after.map((entry) => (entry.content === changed ? { ...entry, content: randomBytes(150_000) } : entry)),
    ]);
    const { image, openLayer } = next;
    const otherLayer = other.image.manifest.layers[0];
    async function* openRanges(descriptor: Descriptor, ranges: Parameters<TestImage['openRanges']>[1]) {
      const isToc = ranges.length === 1 && (ranges[0]?.offset ?? 0) > 140_000 && next.pieces.length === 0;
      yield* isToc || !otherLayer
        ? next.openRanges(descriptor, ranges, undefined)
        : other.openRanges(otherLayer, ranges, undefined);
    }
    const refs = await repository.listRefs(layerRefPrefix);
    await expect(importImage({ repository, image, openLayer, openRanges })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(await repository.listRefs(layerRefPrefix)).toEqual(refs);
  });

  test('to take a layer for another image that was brought by another table of contents', async () => {
    await importInto(repository, testImage([before], { reference: 'localhost/os:1' }));
    const honest = await chunkedImage([after]);
    const evil = await chunkedImage([[...after, { path: 'usr/bin/evil', content: 'evil' }]], {
      reference: 'localhost/evil:1',
    });
    const [honestLayer] = honest.image.manifest.layers;
    const [evilLayer] = evil.image.manifest.layers;
    if (honestLayer === undefined || evilLayer === undefined) throw new Error('no layer');
    // Its manifest gives the honest layer's digest to the evil table, and its registry answers so.
    const manifest = { ...evil.image.manifest, layers: [{ ...evilLayer, digest: honestLayer.digest }] };
    await importImage({
      repository,
      image: { ...evil.image, manifest, config: honest.image.config },
      openLayer: evil.openLayer,
      openRanges: (_, ranges, signal) => evil.openRanges(evilLayer, ranges, signal),
    });
    expect(await repository.readRef(layerRef(honestLayer.digest))).toBeDefined();
    const { commit } = await importInto(repository, honest);
    expect(commit).toBe(await reference(honest));
  });
});
