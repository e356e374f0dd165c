export { ArchiveObjects } from './archive-objects.ts';
export { type OstreeChecksum, parseChecksum } from './checksum.ts';
export { policyOfCommit, readLinkInCommit } from './commit-facts.ts';
export { assertDiskSpace } from './disk-space.ts';
export { OstreeError, type OstreeErrorCode, ostreeErrorCodes } from './error.ts';
export type { OpenLayer } from './fetch-layers.ts';
export { type CollectedGarbage, collectGarbage, type GarbageOptions } from './garbage.ts';
export { type ImportedImage, type ImportImageOptions, importImage } from './image.ts';
export { type ImportPath, importPath } from './import-path.ts';
export { ObjectIndex } from './object-index.ts';
export type { Commit } from './objects/commit.ts';
export type { DirectoryTree } from './objects/dirtree.ts';
export type { ImportProgress } from './progress.ts';
export { rebuildIndex } from './rebuild-index.ts';
export { imageRef, layerRef } from './ref-name.ts';
export { type ObjectType, Repository, type RepositoryMode } from './repository.ts';
export { configuredPolicy } from './selinux.ts';
export { ObjectStaging } from './staging.ts';
export type { StoredFile } from './stored-file.ts';
export { atOneMoment } from './sysroot/at-one-moment.ts';
export type { BootEntry, BootLink } from './sysroot/boot-entry.ts';
export { type Deployment, type DeploymentIdentity, isSameDeployment } from './sysroot/deployment.ts';
export { assertKernelArguments } from './sysroot/kernel-arguments.ts';
export { type DeployOptions, Sysroot } from './sysroot/sysroot.ts';
export { removeStaleTemporaries } from './temporary.ts';
export {
  readFileInTree,
  removeInTree,
  type TreeFileOptions,
  writeFileInTree,
  writeSymlinkInTree,
} from './tree-file.ts';
export { type Whiteout, whiteoutOf } from './whiteout.ts';
