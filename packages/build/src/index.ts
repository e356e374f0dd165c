export {
  type BaseProgress,
  type BaseStep,
  buildDebianBase,
  type DebianBase,
  type DebianBaseOptions,
} from './base/build-base.ts';
export { type DiffImagesOptions, diffImages, type ImageDiff, type ImageSummary } from './diff/diff-images.ts';
export type { FetchEstimates } from './diff/fetch.ts';
export { type FileChange, type FileGroup, groupFiles } from './diff/file-changes.ts';
export { BuildError, type BuildErrorCode, buildErrorCodes } from './error.ts';
export { type BuildImageOptions, type BuildSecret, type BuiltImage, buildImage } from './image/build-image.ts';
export type { StorageDriver } from './image/storage.ts';
export {
  type ImageInspection,
  type InspectImageOptions,
  inspectImage,
  type LayerInspection,
} from './inspect/inspect-image.ts';
export type { LintFinding } from './lint/rules.ts';
export type { PackageChange } from './packages/changes.ts';
export { type Prerequisite, prerequisites } from './prerequisites.ts';
export type { Destination, RegistryAccess } from './push.ts';
