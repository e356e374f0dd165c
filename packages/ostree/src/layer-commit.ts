// One layer of an image becomes one commit, as ostree-ext makes it (lib/src/tar/write.rs): the layer's files as they are,
// whiteouts included. Layers are merged later, so that images can share them.
import type { Digest } from '@varve/oci';
import type { OstreeChecksum } from './checksum.ts';
import { OstreeError } from './error.ts';
import type { PathRules } from './import-path.ts';
import { encodeCommit, metadataString, stringsVariant, stringVariant } from './objects/commit.ts';
import { layerRef, layerRefPrefix } from './ref-name.ts';
import { ifIntact, type Repository } from './repository.ts';
import type { ObjectStaging } from './staging.ts';
import {
  directoriesIn,
  fileChecksums,
  implicitDirectoriesKey,
  type ReadTree,
  type TreeDirectory,
  whiteoutDirectoriesKey,
  writeTree,
} from './tree.ts';
import { whiteoutOf } from './whiteout.ts';

/** What proved that a layer is what the manifest means. */
export type LayerProof =
  /** All of it was read, and had the digests of the manifest and of the configuration. */
  | { readonly kind: 'diff-id'; readonly digest: Digest }
  /** Files were fetched one by one: each had the digest that the table of contents gives it, and the table had this one. */
  | { readonly kind: 'toc'; readonly digest: Digest };

const proofKeys: Readonly<Record<LayerProof['kind'], string>> = { 'diff-id': 'varve.diff-id', toc: 'varve.toc-digest' };
/** Absent when the rules are `any`. */
const rulesKey = 'varve.path-rules';

/** A bound on the memory that a layer can take which has deep directories and no entries for them. */
const maximumPathBytes = 16 * 1024 * 1024;

/** Writes a layer's commit and its ref, and gives its tree. Nothing of the layer can be seen before it is published. */
export function commitLayer(
  staging: ObjectStaging,
  root: TreeDirectory,
  layer: { digest: Digest; rules: PathRules; proof: LayerProof },
): TreeDirectory {
  const { digest, rules, proof } = layer;
  const { implicit, whiteouts } = remarkableDirectories(root);
  const tree = writeTree(staging, root);
  const commit = staging.writeMetadata(
    'commit',
    encodeCommit({
      metadata: new Map([
        [implicitDirectoriesKey, stringsVariant(implicit)],
        [whiteoutDirectoriesKey, stringsVariant(whiteouts)],
        ...(rules === 'any' ? [] : [[rulesKey, stringVariant(rules)] as const]),
        [proofKeys[proof.kind], stringVariant(proof.digest)],
      ]),
      subject: '',
      body: '',
      // Not the time of the import: the same layer is the same commit on every host.
      timestamp: 0,
      tree: tree.object,
      treeMetadata: tree.metadata,
    }),
  );
  staging.writeRef(layerRef(digest), commit);
  staging.keepOnly(fileChecksums(root));
  return tree;
}

export interface WantedLayer {
  readonly digest: Digest;
  readonly rules: PathRules;
  readonly proofs: readonly LayerProof[];
  readonly read: ReadTree;
}

/**
 * The tree of a layer that is in the repository already, complete, under its own name or under that of an equal layer with
 * another compression. A layer that was fetched file by file only counts for a manifest that means the same table of
 * contents: nothing binds the table to the digest of the blob, so that another manifest could have brought a false one.
 */
export async function findLayer(repository: Repository, layer: WantedLayer): Promise<TreeDirectory | undefined> {
  const ref = layerRef(layer.digest);
  const own = await repository.readRef(ref);
  const tree = own && (await readLayer(repository, own, layer));
  if (tree) return tree;
  for (const other of await repository.listRefs(layerRefPrefix)) {
    const commit = await repository.readRef(other);
    const equal = commit && commit !== own && (await readLayer(repository, commit, layer));
    if (!equal) continue;
    await repository.writeRef(ref, commit);
    return equal;
  }
  return undefined;
}

async function readLayer(
  repository: Repository,
  checksum: OstreeChecksum,
  { rules, proofs, read }: WantedLayer,
): Promise<TreeDirectory | undefined> {
  return ifIntact(async () => {
    const commit = repository.readCommit(checksum);
    const isProved = proofs.some(({ kind, digest }) => metadataString(commit, proofKeys[kind]) === digest);
    if (!isProved || (metadataString(commit, rulesKey) ?? 'any') !== rules) return undefined;
    return repository.isComplete(checksum) ? read(repository, checksum) : undefined;
  });
}

/** Paths of the directories of which a tree, once it is written, cannot say what must be known of them. */
function remarkableDirectories(root: TreeDirectory): { implicit: string[]; whiteouts: string[] } {
  const implicit: string[] = [];
  const whiteouts: string[] = [];
  let bytes = 0;
  for (const { path, directory } of directoriesIn(root)) {
    const hasWhiteouts = [...directory.entries.keys()].some((name) => whiteoutOf(name) !== undefined);
    if (directory.implicit) implicit.push(path);
    if (hasWhiteouts) whiteouts.push(path);
    if (directory.implicit || hasWhiteouts) bytes += Buffer.byteLength(path);
    if (bytes > maximumPathBytes) {
      throw new OstreeError(
        'LAYER_NOT_IMPORTABLE',
        'the layer has too many directories without entries of their own, or with whiteouts; build the image again with another tool',
      );
    }
  }
  return { implicit, whiteouts };
}
