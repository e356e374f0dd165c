// A commit of a real repository as layers, the way ostree-ext writes them (lib/src/tar/export.rs): objects under
// sysroot/ostree/repo, and hard links to them for containers.
import { readFile } from 'node:fs/promises';
import type { OstreeChecksum } from '../checksum.ts';
import { checksumOf } from '../checksum.ts';
import { encodeXattrs } from '../objects/xattrs.ts';
import type { ObjectType, Repository } from '../repository.ts';
import type { TarInput } from './tar.ts';

export interface EncapsulatedLayers {
  readonly commitLayer: TarInput[];
  readonly chunkLayers: TarInput[][];
}

/** `archive` is of mode archive: there Node can read extended attributes. Files are spread over `chunks` layers. */
export async function encapsulate(
  archive: Repository,
  commit: OstreeChecksum,
  chunks: number,
): Promise<EncapsulatedLayers> {
  const { tree, treeMetadata } = archive.readCommit(commit);
  const metadata: TarInput[] = [];
  const files = new Map<OstreeChecksum, string>();
  await collect(archive, tree, treeMetadata, '', metadata, files);
  const chunkLayers: TarInput[][] = Array.from({ length: chunks }, () => []);
  for (const [checksum, path] of files) {
    // The same file is always in the same layer, as packages are.
    const layer = chunkLayers[Number.parseInt(checksum.slice(0, 4), 16) % chunks] ?? [];
    layer.push(...(await fileEntries(archive, checksum, path, layer)));
  }
  const commitLayer: TarInput[] = [
    { path: 'sysroot/ostree/repo/config', content: '[core]\nrepo_version=1\nmode=bare-split-xattrs\n' },
    await metadataEntry(archive, commit, 'commit'),
    ...metadata,
  ];
  return { commitLayer, chunkLayers };
}

async function collect(
  archive: Repository,
  tree: OstreeChecksum,
  treeMetadata: OstreeChecksum,
  path: string,
  metadata: TarInput[],
  files: Map<OstreeChecksum, string>,
): Promise<void> {
  metadata.push(await metadataEntry(archive, treeMetadata, 'dirmeta'), await metadataEntry(archive, tree, 'dirtree'));
  const { files: own, directories } = archive.readDirTree(tree);
  for (const [name, checksum] of own) files.set(checksum, `${path}${name}`);
  for (const [name, child] of directories) {
    await collect(archive, child.tree, child.metadata, `${path}${name}/`, metadata, files);
  }
}

async function metadataEntry(archive: Repository, checksum: OstreeChecksum, type: ObjectType): Promise<TarInput> {
  return { path: objectPath(checksum, type), content: await readFile(archive.objectPath(checksum, type)) };
}

async function fileEntries(
  archive: Repository,
  checksum: OstreeChecksum,
  path: string,
  layer: readonly TarInput[],
): Promise<TarInput[]> {
  const file = archive.openFile(checksum);
  if (file.metadata === undefined) throw new Error('not an archive');
  const { uid, gid, mode, xattrs, linkTarget } = file.metadata;
  const bytes = encodeXattrs(xattrs);
  const payload = { path: objectPath(checksumOf(bytes), 'file-xattrs'), content: bytes };
  const isWritten = layer.some((entry) => entry.path === payload.path);
  const content = Buffer.concat(await Array.fromAsync(file.read()));
  const own = { path: objectPath(checksum, 'file'), uid, gid, mode, content };
  return [
    ...(isWritten ? [] : [payload]),
    { path: objectPath(checksum, 'file-xattrs-link'), type: 'hardlink', linkTarget: payload.path },
    linkTarget === undefined ? own : { ...own, type: 'symlink', linkTarget },
    { path: path.replace(/^usr\/etc\//, 'etc/'), type: 'hardlink', linkTarget: own.path },
  ];
}

function objectPath(checksum: OstreeChecksum, extension: string): string {
  return `sysroot/ostree/repo/objects/${checksum.slice(0, 2)}/${checksum.slice(2)}.${extension}`;
}
