import type { Digest } from './digest.ts';
import type { ImageConfig } from './image-config.ts';
import type { Manifest } from './manifest.ts';
import type { ImageReference } from './reference.ts';

/** An image for one platform: its manifest and configuration, both verified by digest, and their bytes as they came. */
export interface ImageDocuments {
  manifest: Manifest;
  manifestDigest: Digest;
  manifestBytes: Uint8Array;
  config: ImageConfig;
  configBytes: Uint8Array;
}

/** An image that a registry has. */
export interface Image extends ImageDocuments {
  reference: ImageReference;
}
