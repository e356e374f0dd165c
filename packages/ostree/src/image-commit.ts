// The commit of a whole image: the merge of its layers, checked, with the image's documents in its metadata under the keys
// of ostree-ext (lib/src/container/store.rs), so that bootc and rpm-ostree can take the host over.
import type { Digest, Image } from '@varve/oci';
import type { OstreeChecksum } from './checksum.ts';
import { OstreeError } from './error.ts';
import { findKernels } from './kernel.ts';
import { mergeLayers } from './merge.ts';
import { encodeCommit, stringVariant } from './objects/commit.ts';
import { defaultDirectoryMetadata, encodeDirectoryMetadata } from './objects/dirmeta.ts';
import { imageRef } from './ref-name.ts';
import { assertNoPolicy } from './selinux.ts';
import type { ObjectStaging } from './staging.ts';
import type { FileSource } from './stored-file.ts';
import { nodeAt, type TreeDirectory, withEntries, writeTree } from './tree.ts';

export const manifestDigestKey = 'ostree.manifest-digest';
export const importerVersionKey = 'ostree.importer.version';
/** Goes up when the same image would become another commit. */
export const importerVersion = 'varve-1';

/** Files that buildah leaves behind, empty, when it has mounted something over them; ostree-ext removes the same. */
const buildLeftovers = ['hostname', 'resolv.conf'];

export interface ImageParts {
  /** What an image that was made from an OSTree commit lies on. */
  readonly base?: { readonly commit: OstreeChecksum; readonly tree: TreeDirectory } | undefined;
  /** The first at the bottom. */
  readonly layers: readonly TreeDirectory[];
}

/**
 * Writes the commit of an image and its ref, and publishes them with what is staged already: a layer, which stays where the
 * image is refused.
 * @throws OstreeError IMAGE_NOT_BOOTABLE, IMAGE_UNSUPPORTED
 */
export async function commitImage(staging: ObjectStaging, image: Image, parts: ImageParts): Promise<OstreeChecksum> {
  try {
    return await writeImage(staging, image, parts);
  } finally {
    await staging.publish();
  }
}

async function writeImage(staging: ObjectStaging, image: Image, { base, layers }: ImageParts): Promise<OstreeChecksum> {
  const tree = layers.length === 0 && base ? base.tree : mergeImage(staging, { base, layers });
  if (layers.length > 0) await assertNoPolicy(staging, tree, image.manifestDigest);
  assertBootable(staging, tree, image.manifestDigest);
  const commit = staging.writeMetadata(
    'commit',
    encodeCommit({
      metadata: new Map([
        ['ostree.container.image-config', stringVariant(canonicalJson(image.configBytes))],
        [importerVersionKey, stringVariant(importerVersion)],
        ['ostree.manifest', stringVariant(canonicalJson(image.manifestBytes))],
        [manifestDigestKey, stringVariant(image.manifestDigest)],
      ]),
      parent: base?.commit,
      subject: '',
      body: '',
      timestamp: creationTime(image),
      tree: writeTree(staging, tree).object,
      treeMetadata: tree.metadata,
    }),
  );
  staging.writeRef(imageRef(image.reference), commit);
  return commit;
}

function mergeImage(staging: ObjectStaging, { base, layers }: ImageParts): TreeDirectory {
  const metadata = staging.writeMetadata('dirmeta', encodeDirectoryMetadata(defaultDirectoryMetadata));
  const nothing: TreeDirectory = {
    type: 'directory',
    metadata,
    implicit: true,
    hasNoWhiteouts: true,
    entries: new Map(),
  };
  return withoutBuildLeftovers(staging, mergeLayers(layers, base?.tree ?? nothing));
}

function withoutBuildLeftovers(source: FileSource, tree: TreeDirectory): TreeDirectory {
  const usr = tree.entries.get('usr');
  const etc = nodeAt(tree, 'usr/etc');
  if (usr?.type !== 'directory' || etc?.type !== 'directory') return tree;
  const entries = new Map(etc.entries);
  for (const name of buildLeftovers) {
    const node = entries.get(name);
    if (node?.type === 'file' && fileSize(source, node.checksum) === 0) entries.delete(name);
  }
  if (entries.size === etc.entries.size) return tree;
  const cleanUsr = withEntries(usr, new Map(usr.entries).set('etc', withEntries(etc, entries)));
  return withEntries(tree, new Map(tree.entries).set('usr', cleanUsr));
}

/** Bytes of a regular file; undefined for a symbolic link. */
function fileSize(source: FileSource, checksum: OstreeChecksum): number | undefined {
  const { size, linkTarget } = source.openFile(checksum);
  return linkTarget === undefined ? size : undefined;
}

function assertBootable(source: FileSource, tree: TreeDirectory, digest: Digest): void {
  const kernels = findKernels(tree);
  const [kernel, second] = kernels;
  if (kernel === undefined) {
    throw notBootable(digest, 'has no kernel in /usr/lib/modules/VERSION/vmlinuz; install one in the Containerfile');
  }
  if (second !== undefined) {
    const versions = kernels.map(({ version }) => version).sort();
    throw notBootable(
      digest,
      `has ${kernels.length} kernels in /usr/lib/modules (${versions.join(', ')}); remove all but one in the Containerfile`,
    );
  }
  if (!fileSize(source, kernel.image.checksum)) {
    throw notBootable(
      digest,
      `has a /usr/lib/modules/${kernel.version}/vmlinuz that is a link or empty; put the kernel there`,
    );
  }
  if (kernel.initramfs === undefined || !fileSize(source, kernel.initramfs.checksum)) {
    throw notBootable(
      digest,
      `has no initramfs for its kernel; write /usr/lib/modules/${kernel.version}/initramfs.img in the Containerfile, for example with dracut`,
    );
  }
}

function notBootable(digest: Digest, why: string): OstreeError {
  return new OstreeError('IMAGE_NOT_BOOTABLE', `the image ${digest} ${why}`);
}

/** Seconds since 1970, by the same sources and in the same order as ostree-ext; 0 where it would take the present time. */
function creationTime({ manifest, config }: Image): number {
  for (const text of [manifest.annotations['org.opencontainers.image.created'], config.created]) {
    const time = Date.parse(text ?? '');
    if (time >= 0) return Math.floor(time / 1000);
  }
  return 0;
}

/** JSON with sorted keys and no white space, so that equal documents make equal commits. */
function canonicalJson(bytes: Uint8Array): string {
  const document: unknown = JSON.parse(new TextDecoder().decode(bytes));
  return JSON.stringify(document, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
