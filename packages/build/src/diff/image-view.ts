// What an image holds, as far as two images are compared: the merged tree of its layers, its packages, kernels and release.
// Layers are streamed, or only their tables of contents and a few files read, where they have such tables.
import { createHash } from 'node:crypto';
import type { TarEntry, TarEntryMetadata } from '@varve/oci';
import { BuildError } from '../error.ts';
import { normalisePath, parseWhiteout } from '../layer-path.ts';
import { type FileFacts, FileTree } from './file-tree.ts';
import { isRecord, Records } from './records.ts';

/** Of nothing: what a file without bytes has. */
const emptyDigest = createHash('sha256').digest('hex');

export class ImageView {
  readonly tree: FileTree;
  readonly records: Records;
  /** All contents of the image's layers by SHA-256, also those that a later layer hides. */
  readonly contents: Set<string>;

  constructor(tree = new FileTree(), records = new Records(), contents = new Set<string>()) {
    this.tree = tree;
    this.records = records;
    this.contents = contents;
  }

  /** The same, to which other layers can be added. Records are kept by content, so that both can add to them. */
  clone(): ImageView {
    return new ImageView(this.tree.clone(), this.records, new Set(this.contents));
  }

  /** Versions of the kernels that the image could boot. */
  kernels(): string[] {
    const modules = 'usr/lib/modules';
    return [...this.tree.list(modules)]
      .filter((name) => this.tree.get(`${modules}/${name}/vmlinuz`)?.type === 'file')
      .sort();
  }
}

/** Adds a layer on top. Reads `entries` to the end. */
export async function addLayer(
  view: ImageView,
  entries: AsyncIterable<TarEntry>,
  signal: AbortSignal | undefined,
): Promise<void> {
  view.tree.startLayer();
  for await (const entry of entries) {
    const path = pathOf(entry);
    if (applyWhiteout(view, path)) continue;
    const content = entry.type === 'file' ? await readContent(view, path, entry, signal) : (entry.linkTarget ?? '');
    addEntry(view, path, entry, content);
  }
}

/** Adds an entry whose content is known by its SHA-256 (a file) or target (a link). */
export function addEntry({ tree, contents }: ImageView, path: string, entry: TarEntryMetadata, content: string): void {
  const facts = entry.type === 'hardlink' ? linkedFacts(tree, entry) : factsOf(entry, content);
  tree.add(path, facts);
  if (facts.type === 'file') contents.add(facts.content);
}

/** Whether the path was a whiteout. */
export function applyWhiteout({ tree }: ImageView, path: string): boolean {
  const whiteout = parseWhiteout(path);
  if (whiteout?.itself === true) tree.remove(whiteout.path);
  else if (whiteout !== undefined) tree.clear(whiteout.path);
  return whiteout !== undefined;
}

/** @throws BuildError IMAGE_UNREADABLE for a path out of the image */
export function pathOf(entry: TarEntryMetadata): string {
  const path = normalisePath(entry.path);
  if (!path.split('/').includes('..')) return path;
  const shown = JSON.stringify(entry.path.slice(0, 200));
  throw new BuildError('IMAGE_UNREADABLE', `the image has an entry ${shown}, out of its tree; build it again`);
}

/** Hashes a content, and takes a record out of it on the way. */
async function readContent(
  { records }: ImageView,
  path: string,
  entry: TarEntry,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash('sha256');
  const content = hashing(entry.content, hash);
  const record = isRecord(path) ? await records.read(path, content, signal) : undefined;
  for await (const _ of content) signal?.throwIfAborted();
  const digest = hash.digest('hex');
  if (record !== undefined) records.set(digest, record);
  return digest;
}

async function* hashing(content: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>) {
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
  }
}

function factsOf({ type, mode, uid, gid, size, xattrs }: TarEntryMetadata, content: string): FileFacts {
  if (type === 'hardlink') throw new TypeError('a hard link has the facts of what it links to');
  const digest = type === 'file' && size === 0 ? emptyDigest : content;
  return { type, mode, uid, gid, size, content: digest, xattrs: formatXattrs(xattrs) };
}

/** A hard link is the file that it links to. */
function linkedFacts(tree: FileTree, entry: TarEntryMetadata): FileFacts {
  const target = tree.get(normalisePath(entry.linkTarget ?? ''));
  if (target !== undefined && target.type !== 'directory') return target;
  const shown = JSON.stringify(entry.path.slice(0, 200));
  throw new BuildError(
    'IMAGE_UNREADABLE',
    `the image has a hard link ${shown} to a file that it does not have; build it again`,
  );
}

function formatXattrs(xattrs: ReadonlyMap<string, Uint8Array>): string {
  return [...xattrs]
    .map(([name, value]) => `${name}=${Buffer.from(value).toString('base64')}`)
    .sort()
    .join(' ');
}
