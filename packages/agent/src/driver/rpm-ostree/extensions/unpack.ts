// The RPM repository of an extensions image, put into a directory of root's: its plain files, and nothing else of the image.
// Contents lie aside under numbers until the digest of every layer was verified. Links are never made: what is written
// cannot be led anywhere.
import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ImageSource, readLayer, type TarEntry } from '@varve/oci';
import { assertDiskSpace } from '@varve/ostree';
import type { StageProgress } from '../../driver.ts';
import { LayerFiles, maxFiles, type RepositoryFiles, unusable } from './layer-files.ts';

export interface UnpackOptions {
  readonly source: ImageSource;
  /** Must not exist, or be empty; its content is for the root user alone. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
}

/** Bytes of one layer when decompressed; those of real ones have less than two. */
const maximumSize = 16 * 1024 ** 3;
/** Of all layers. */
const maxContents = 2 * maxFiles;
/** createrepo_c writes it last; a repository without it is none. */
const repositoryIndex = 'repodata/repomd.xml';
const step = 'fetching the extensions image';

/**
 * Gives the directory of the repository. Throws CONFIG_UNSUPPORTED for an image without one, DISK_FULL, and what `@varve/oci`
 * throws.
 */
export async function unpackRepository(options: UnpackOptions): Promise<string> {
  const { source, directory, signal, onProgress } = options;
  const { manifest, config } = await source.getImage({ signal });
  const bytesTotal = manifest.layers.reduce((sum, { size }) => sum + size, 0);
  const contents = join(directory, 'contents');
  await mkdir(contents, { recursive: true, mode: 0o700 });
  await assertDiskSpace(contents, bytesTotal);
  const aside = new Contents(contents);
  let files: RepositoryFiles = new Map();
  let bytesDone = 0;
  for (const [index, descriptor] of manifest.layers.entries()) {
    const diffId = config.rootfs.diff_ids[index];
    if (diffId === undefined) throw unusable('has a layer that its configuration does not name');
    onProgress({ bytesDone, bytesTotal, step });
    const blob = await source.openBlob(descriptor, { signal });
    const layer = new LayerFiles(files);
    for await (const entry of readLayer(blob, descriptor, diffId, { signal, maximumSize })) {
      await take(layer, entry, aside);
    }
    files = layer.merge();
    bytesDone += descriptor.size;
  }
  onProgress({ bytesDone, bytesTotal, step });
  if (!files.has(repositoryIndex)) throw unusable(`has no ${repositoryIndex}`);
  const repository = join(directory, 'repository');
  await place(files, aside, repository);
  await rm(contents, { recursive: true });
  return repository;
}

async function take(layer: LayerFiles, entry: TarEntry, aside: Contents): Promise<void> {
  const path = layer.locate(entry.path);
  if (path === undefined || entry.type === 'directory') return;
  if (entry.type === 'file') layer.add(path, await aside.write(entry));
  else if (entry.type === 'hardlink') layer.add(path, layer.linked(entry.linkTarget ?? ''));
  else throw unusable(`has ${path.slice(0, 200)}, a ${entry.type}`);
}

/** Second names for contents, so that a hard link of the image costs nothing. */
async function place(files: RepositoryFiles, aside: Contents, repository: string): Promise<void> {
  await mkdir(repository, { mode: 0o755 });
  const made = new Set([repository]);
  for (const [path, content] of files) {
    const target = join(repository, path);
    const parent = dirname(target);
    if (!made.has(parent)) await mkdir(parent, { recursive: true, mode: 0o755 });
    made.add(parent);
    await link(aside.pathOf(content), target);
  }
}

/** Contents under numbers. */
class Contents {
  readonly #directory: string;
  #count = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  pathOf(content: number): string {
    return join(this.#directory, String(content));
  }

  /** What layers say again and again is written each time, and counts. */
  async write({ content, size }: Pick<TarEntry, 'content' | 'size'>): Promise<number> {
    const number = this.#count++;
    if (number === maxContents) throw unusable(`has more than ${maxContents} files in its layers`);
    // Layers are compressed: that they fitted says little of what comes out.
    await assertDiskSpace(this.#directory, size);
    await using file = await open(this.pathOf(number), 'wx', 0o644);
    for await (const chunk of content) await file.writeFile(chunk);
    return number;
  }
}
