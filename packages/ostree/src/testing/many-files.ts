import { bootableLayer, type TestImage, testImage } from './image.ts';
import type { TarInput } from './tar.ts';

/** An image whose import takes long enough to be killed in the middle: several layers, with all kinds of objects. */
export function manyFilesImage(): TestImage {
  const layers = [0, 1, 2, 3].map((layer) =>
    Array.from({ length: 400 }, (_, index): TarInput => {
      const path = `usr/share/${layer}/${index % 20}/${index}`;
      if (index % 50 === 0) return { path, content: Buffer.alloc(200_000, index + layer) };
      if (index % 50 === 1) return { path, content: `${layer} ${index}`, xattrs: { 'user.index': String(index) } };
      if (index % 50 === 2) return { path, type: 'symlink', linkTarget: `${layer} ${index}` };
      return { path, content: `${layer} ${index}` };
    }),
  );
  return testImage([bootableLayer, ...layers]);
}
