import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchContents, fetchToc, openImageSource, parseImageSource, readLayer } from '@varve/oci';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../temporary-directory.ts';
import { layoutTag, packRoot, readLayoutDigest } from './oci-layout.ts';

const created = 1_700_000_000;

test('a root directory becomes an image of one chunked layer, the same each time', async () => {
  await using work = await temporaryDirectory(tmpdir(), 'pack-');
  const root = join(work.path, 'root');
  await fs.mkdir(join(root, 'usr/bin'), { recursive: true });
  await fs.writeFile(join(root, 'usr/bin/tool'), 'a tool', { mode: 0o4755 });
  await fs.symlink('usr/bin', join(root, 'bin'));
  const digests: (string | undefined)[] = [];
  for (const name of ['one', 'two']) {
    await fs.mkdir(join(work.path, name));
    const image = { architecture: 'amd64', created, labels: { a: 'b' }, createdBy: 'test' };
    digests.push(await packRoot(root, join(work.path, name), image), await readLayoutDigest(join(work.path, name)));
  }
  expect(new Set(digests).size).toBe(1);
  await using source = await openImageSource(parseImageSource(`oci:${work.path}/one:${layoutTag}`), () => ({}));
  const { manifest, config } = await source.getImage();
  const [layer] = manifest.layers;
  const [diffId] = config.rootfs.diff_ids;
  if (layer === undefined || diffId === undefined) throw new Error('the image has no layer');
  const openRanges = source.openRanges.bind(source);
  const { entries } = await fetchToc(openRanges, layer);
  const read: string[] = [];
  for await (const { path, mtime } of readLayer(await source.openBlob(layer), layer, diffId))
    read.push(path, `${mtime}`);
  expect(entries.flatMap(({ path, mtime }) => [path, `${mtime}`])).toEqual(read);
  const files = entries.filter(({ type }) => type === 'file');
  for await (const { entry, content } of fetchContents(openRanges, layer, files)) {
    expect([entry.path, entry.mode, Buffer.concat(await Array.fromAsync(content)).toString()]).toEqual([
      'usr/bin/tool',
      0o4755,
      'a tool',
    ]);
  }
});
