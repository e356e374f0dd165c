export { type ChunkedLocation, chunkedLocation } from './chunked/annotations.ts';
export {
  type ChunkedImage,
  type ChunkedImageLayer,
  type ChunkImageOptions,
  type ChunkProgress,
  chunkImage,
} from './chunked/chunk-image.ts';
export { type FetchedFile, fetchContents } from './chunked/fetch-contents.ts';
export { fetchToc } from './chunked/fetch-toc.ts';
export type { Toc, TocChunk, TocEntry } from './chunked/toc.ts';
export { type ChunkedLayer, type WriteChunkedOptions, writeChunkedLayer } from './chunked/write.ts';
export type { CredentialLookup, Credentials } from './client/authenticator.ts';
export { connectImageRegistry, type ImageRegistryOptions } from './client/connect-registry.ts';
export type { RegistryClientOptions } from './client/connection.ts';
export type { ImageRegistry } from './client/image-registry.ts';
export { RegistryClient } from './client/registry-client.ts';
export { readCredentials } from './credentials/read-credentials.ts';
export { type Digest, digestHex, digestOf, isDigest, parseDigest } from './digest.ts';
export { OciError, type OciErrorCode, ociErrorCodes } from './error.ts';
export type { Image, ImageDocuments } from './image.ts';
export { type ImageConfig, parseImageConfig } from './image-config.ts';
export { type ReadLayerOptions, readLayer } from './layer/read.ts';
export {
  type Descriptor,
  type ImageIndex,
  isImageIndex,
  type Manifest,
  maximumManifestSize,
  type Platform,
  parseManifest,
} from './manifest.ts';
export { layerMediaTypes, mediaTypes } from './media-types.ts';
export { formatPlatform, hostPlatform } from './platform.ts';
export type { BlobRange, OpenedRange, OpenRanges } from './ranges/open-ranges.ts';
export {
  formatImageReference,
  type ImageReference,
  isRepositoryName,
  isTag,
  parseImageReference,
} from './reference.ts';
export { parseQualifiedReference } from './registries/endpoints.ts';
export { readRegistriesConf } from './registries/read.ts';
export { parseRegistriesConf, type RegistriesConf } from './registries/registries-conf.ts';
export type { Acceptance, AcceptedSignature } from './signature/acceptance.ts';
export { fetchSignatures } from './signature/fetch.ts';
export { parseSignaturePolicy } from './signature/parse-policy.ts';
export type {
  PemSource,
  PolicyRequirement,
  SignaturePolicy,
  SignedIdentity,
  SignerTrust,
  SigstoreSigned,
} from './signature/policy.ts';
export { readKeyFile, readPolicyFile, readPolicyKeys, readSignaturePolicy } from './signature/read-policy.ts';
export { type ImageSignatures, imageSignaturesSchema, type SignatureAttachment } from './signature/signatures.ts';
export { fetchSignedImage, type SignedImage } from './signature/signed-image.ts';
export { type VerifySignaturesOptions, verifySignatures } from './signature/verify.ts';
export type { TarEntry, TarEntryMetadata, TarEntryType } from './tar/entry.ts';
export { readTar } from './tar/read.ts';
export { type CopiedImage, type CopyImageOptions, type CopyProgress, copyImage } from './transports/copy-image.ts';
export type { ImageDestination } from './transports/destination.ts';
export { formatImageSource, type ImageLocation, parseImageSource } from './transports/location.ts';
export { openImageDestination, openImageSource, type RegistryAccess } from './transports/open.ts';
export { RegistrySource } from './transports/registry-source.ts';
export type { ImageSource } from './transports/source.ts';
export { type ReadDocument, readVerifiedImage } from './verified-image.ts';
export { type ExpectedContent, verifyContent } from './verify.ts';
