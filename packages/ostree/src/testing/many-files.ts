import { bootableLayer, chunkedImage, type TestImage, testImage } from './image.ts';
import type { TarInput } from './tar.ts';

/** An image whose import takes long enough to be killed in the middle: several layers, with all kinds of objects. */
export function manyFilesImage(): TestImage {
  return testImage([bootableLayer, ...[0, 1, 2, 3].map((layer) => manyFiles(layer, 'first'))]);
}

/** The same with other small files, in chunked layers. */
export function manyChangedFilesImage(version = 'second'): Promise<TestImage> {
  return chunkedImage([bootableLayer, ...[0, 1, 2, 3].map((layer) => manyFiles(layer, version))], {
    reference: 'localhost:5000/os:changed',
  });
}

function manyFiles(layer: number, version: string): TarInput[] {
  return Array.from({ length: 400 }, (_, index): TarInput => {
    const path = `usr/share/${layer}/${index % 20}/${index}`;
    if (index % 50 === 0) return { path, content: Buffer.alloc(200_000, index + layer) };
    if (index % 50 === 1)
      return { path, content: `${layer} ${index} ${version}`, xattrs: { 'user.index': String(index) } };
    if (index % 50 === 2) return { path, type: 'symlink', linkTarget: `${layer} ${index}` };
    return { path, content: `${layer} ${index} ${index % 2 === 0 ? version : ''}` };
  });
}
