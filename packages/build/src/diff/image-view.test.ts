import { createHash } from 'node:crypto';
import type { TarEntry, TarEntryType } from '@varve/oci';
import { describe, expect, test } from 'vitest';
import { addLayer, ImageView } from './image-view.ts';

interface Sketch {
  path: string;
  type?: TarEntryType;
  linkTarget?: string;
  text?: string;
}

async function* entriesOf(sketches: readonly (Sketch | string)[]): AsyncGenerator<TarEntry> {
  for (const sketch of sketches) {
    const { path, type = 'file', text = '', linkTarget } = typeof sketch === 'string' ? { path: sketch } : sketch;
    const bytes = Buffer.from(text);
    const content = (async function* () {
      yield bytes;
    })();
    const base = { path, type, mode: 0o644, uid: 0, gid: 0, size: bytes.length, mtime: 0, xattrs: new Map(), content };
    yield linkTarget === undefined ? base : { ...base, linkTarget };
  }
}

async function view(...layers: (Sketch | string)[][]): Promise<ImageView> {
  const image = new ImageView();
  for (const layer of layers) await addLayer(image, entriesOf(layer), undefined);
  return image;
}

const status = (version: string) => `Package: jq\nStatus: install ok installed\nVersion: ${version}\n`;

describe('ImageView', () => {
  test('hashes contents, and remembers those that are hidden', async () => {
    const image = await view([{ path: './etc/a', text: 'old' }], [{ path: 'etc/a', text: 'new' }]);
    const digest = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(image.tree.get('etc/a')).toMatchObject({ content: digest('new'), size: 3 });
    expect(image.contents.has(digest('old'))).toBe(true);
  });

  test('a hard link is the file that it links to; one to nothing is refused', async () => {
    const image = await view([{ path: 'a', text: 'x' }], [{ path: 'b', type: 'hardlink', linkTarget: './a' }]);
    expect(image.tree.get('b')).toEqual(image.tree.get('a'));
    await expect(view([{ path: 'b', type: 'hardlink', linkTarget: 'a' }])).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
    });
  });

  test('refuses a path out of the image', async () => {
    await expect(view(['usr/../../etc/passwd'])).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
  });

  test("shows the records of the upper layer, and the lower one's where they are hidden from view", async () => {
    const lower = { path: 'var/lib/dpkg/status', text: status('1') };
    const upper = { path: 'var/lib/dpkg/status', text: status('2') };
    const installed = (image: ImageView) => image.records.packages(image.tree).installed.map(({ version }) => version);
    expect(installed(await view([lower], [upper]))).toEqual(['2']);
    expect(installed(await view([lower], [upper], ['var/lib/dpkg/.wh.status']))).toEqual([]);
    const top = await view([lower]);
    const other = top.clone();
    await addLayer(other, entriesOf([upper]), undefined);
    expect([installed(top), installed(other)]).toEqual([['1'], ['2']]);
  });

  test('knows whose a file is, also where /lib is a link', async () => {
    const image = await view([
      { path: 'usr/lib/sysimage/dpkg/status', text: status('1') },
      { path: 'usr/lib/sysimage/dpkg/info/jq.list', text: '/.\n/usr/bin/jq\n/lib/x.so\n' },
    ]);
    const { owners } = image.records.packages(image.tree);
    expect([owners.get('usr/bin/jq'), owners.get('usr/lib/x.so')]).toEqual(['jq', 'jq']);
  });

  test('says so where the rpm database is of an old format', async () => {
    const image = await view(['usr/lib/sysimage/rpm/Packages.db']);
    expect(image.records.packages(image.tree).unread).toMatch(/old format ndb, which is not read/);
  });

  test('lists kernels and the release', async () => {
    const image = await view([
      'usr/lib/modules/6.1/vmlinuz',
      'usr/lib/modules/6.2/other',
      { path: 'etc/os-release', type: 'symlink', linkTarget: '../usr/lib/os-release' },
      { path: 'usr/lib/os-release', text: 'PRETTY_NAME="Debian 12"\n' },
    ]);
    expect(image.kernels()).toEqual(['6.1']);
    expect(image.records.release(image.tree)).toBe('Debian 12');
  });
});
