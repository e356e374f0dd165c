// Whether a manifest and a configuration make an image, wherever they come from.
import { OciError } from './error.ts';
import { type ImageConfig, maximumImageConfigSize, parseImageConfig } from './image-config.ts';
import type { Descriptor, Manifest, Platform } from './manifest.ts';
import { mediaTypes } from './media-types.ts';
import { formatPlatform } from './platform.ts';

/**
 * The configuration that a manifest names, before it is read.
 * @throws OciError IMAGE_CONFIG_INVALID where it is not one of an image, or too large
 */
export function checkConfigDescriptor(manifest: Manifest, what: string): Descriptor {
  const { mediaType, size } = manifest.config;
  if (mediaType !== mediaTypes.ociConfig && mediaType !== mediaTypes.dockerConfig) {
    throw new OciError(
      'IMAGE_CONFIG_INVALID',
      `${what} is not an image: its configuration is ${mediaType}; name an image`,
    );
  }
  if (size > maximumImageConfigSize) {
    throw new OciError(
      'IMAGE_CONFIG_INVALID',
      `${what} has a configuration of ${size} bytes, and ${maximumImageConfigSize} are the most`,
    );
  }
  return manifest.config;
}

/**
 * Parses a configuration that belongs to a manifest and is for the platform, if one is asked for.
 * @throws OciError IMAGE_CONFIG_INVALID, PLATFORM_NOT_FOUND
 */
export function checkImageConfig(
  bytes: Uint8Array,
  manifest: Manifest,
  platform: Platform | undefined,
  what: string,
): ImageConfig {
  const config = parseImageConfig(bytes);
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw new OciError(
      'IMAGE_CONFIG_INVALID',
      `${what} has ${manifest.layers.length} layers and ${config.rootfs.diff_ids.length} diff-ids; build and push the image again`,
    );
  }
  if (platform !== undefined && (config.os !== platform.os || config.architecture !== platform.architecture)) {
    throw new OciError(
      'PLATFORM_NOT_FOUND',
      `${what} is for ${formatPlatform(config)} and not for ${formatPlatform(platform)}; build it for that platform`,
    );
  }
  return config;
}
