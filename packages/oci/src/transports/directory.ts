// A manifest with its blobs, all in one directory, as skopeo's dir: has it.
import { digestHex } from '../digest.ts';
import type { LayoutFiles } from './files.ts';
import { LocalSource } from './local-source.ts';
import { readDocument } from './read-document.ts';

/** @throws OciError IMAGE_LAYOUT_INVALID */
export async function openDirectory(files: LayoutFiles, name: string): Promise<LocalSource> {
  const document = await readDocument(files, 'manifest.json', name);
  return new LocalSource({ name, files, document, mediaType: undefined, pathOf: digestHex });
}
