import { type Descriptor, digestOf, mediaTypes, type Toc, type TocEntry } from '@varve/oci';
import { expect, test } from 'vitest';
import { estimateFetch } from './fetch.ts';

const digest = (text: string) => digestOf(Buffer.from(text));

function layer(name: string, size: number): Descriptor {
  return { mediaType: mediaTypes.ociLayerZstd, digest: digest(name), size };
}

function file(path: string, content: string, compressedSize: number): TocEntry {
  const metadata = { path, type: 'file' as const, mode: 0o644, uid: 0, gid: 0, mtime: 0, xattrs: new Map() };
  const chunks = [{ offset: 0, compressedSize, uncompressedOffset: 0, size: 1000 }];
  return { ...metadata, size: 1000, digest: digest(content), chunks };
}

const [base, old, now] = [layer('base', 1_000_000), layer('old', 50_000), layer('new', 60_000)];
const table: Toc = { entries: [file('a', 'same', 20_000), file('b', 'changed', 30_000), file('c', 'changed', 30_000)] };
const hasSame = (hex: string) => digest('same') === `sha256:${hex}`;

test('whole layers where none is chunked', () => {
  expect(estimateFetch([base, old], [{ descriptor: base }, { descriptor: now }], hasSame)).toEqual({
    layers: { bytes: 60_000, reused: 1_000_000 },
    files: { bytes: 60_000, reused: 1_000_000 },
    chunkedLayers: 0,
    missingLayers: 1,
  });
});

test('of a chunked layer the table, and each content that the host has not, once', () => {
  const after = [{ descriptor: base }, { descriptor: now, toc: { table, size: 500 } }];
  expect(estimateFetch([base, old], after, hasSame)).toMatchObject({
    files: { bytes: 30_500, reused: 1_029_500 },
    chunkedLayers: 1,
  });
});

test('nothing for the same image', () => {
  expect(estimateFetch([base], [{ descriptor: base, toc: { table, size: 500 } }], () => false)).toMatchObject({
    layers: { bytes: 0 },
    files: { bytes: 0 },
    missingLayers: 0,
  });
});
