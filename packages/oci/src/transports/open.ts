import { open } from 'node:fs/promises';
import { connectImageRegistry, type ImageRegistryOptions } from '../client/connect-registry.ts';
import { endpointOptions } from '../client/mirrored-registry.ts';
import { RegistryDestination } from '../client/registry-destination.ts';
import { OciError } from '../error.ts';
import type { ImageReference } from '../reference.ts';
import { imageEndpoints } from '../registries/endpoints.ts';
import { emptyRegistriesConf } from '../registries/registries-conf.ts';
import type { ImageDestination } from './destination.ts';
import { openDirectory } from './directory.ts';
import { openDockerArchive } from './docker-archive.ts';
import { ArchiveFiles, DirectoryFiles, type LayoutFiles } from './files.ts';
import { LayoutDestination } from './layout-destination.ts';
import { formatImageSource, type ImageLocation, type LocalTransport } from './location.ts';
import { openOciLayout } from './oci-layout.ts';
import { RegistrySource } from './registry-source.ts';
import type { ImageSource } from './source.ts';

/** How a registry is reached; asked when the image is in one. */
export type RegistryAccess = (reference: ImageReference) => Promise<ImageRegistryOptions> | ImageRegistryOptions;

/**
 * Opens an image where it is; close it when done.
 * @throws OciError IMAGE_LAYOUT_INVALID, IMAGE_*_INVALID, and what reading files throws
 */
export async function openImageSource(
  location: ImageLocation,
  access: RegistryAccess,
  signal?: AbortSignal,
): Promise<ImageSource> {
  if (location.transport === 'registry') {
    return new RegistrySource(connectImageRegistry(await access(location.reference)), location.reference);
  }
  const name = formatImageSource(location);
  const files = await openFiles(location.transport, location.path, name, signal);
  try {
    if (location.transport === 'dir') return await openDirectory(files, name);
    if (location.transport === 'docker-archive') return await openDockerArchive(files, location.name, name, signal);
    return await openOciLayout(files, location.name, name);
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Opens a place to write an image to: a registry, or an `oci:` layout, which is made where there is none.
 * @throws OciError IMAGE_LAYOUT_INVALID, REFERENCE_INVALID for what cannot be written to
 */
export async function openImageDestination(location: ImageLocation, access: RegistryAccess): Promise<ImageDestination> {
  if (location.transport === 'registry') return openRegistryDestination(location.reference, access);
  if (location.transport === 'oci') {
    return LayoutDestination.open(location.path, location.name, formatImageSource(location));
  }
  throw new OciError(
    'REFERENCE_INVALID',
    `${formatImageSource(location)} can be read and not written; write to a registry or to oci:DIRECTORY:NAME`,
  );
}

/** Images are pushed to the place itself, never to a mirror. */
async function openRegistryDestination(reference: ImageReference, access: RegistryAccess): Promise<ImageDestination> {
  const { registries = emptyRegistriesConf, ...options } = await access(reference);
  const home = imageEndpoints(registries, reference).at(-1) ?? { reference, insecure: false, isMirror: false };
  return new RegistryDestination(home.reference, await endpointOptions(home, options));
}

async function openFiles(
  transport: LocalTransport,
  path: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<LayoutFiles> {
  if (transport === 'oci' || transport === 'dir') return new DirectoryFiles(path);
  try {
    await refuseCompressed(path, name);
    return await ArchiveFiles.open(path, signal);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'LAYER_INVALID')))
      throw cause;
    throw new OciError('IMAGE_LAYOUT_INVALID', `${name} is no archive (${cause.message}); check the path`, { cause });
  }
}

/** Parts of a compressed archive cannot be read without the whole. */
async function refuseCompressed(path: string, name: string): Promise<void> {
  await using file = await open(path, 'r');
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
  if (buffer[0] !== 0x1f || buffer[1] !== 0x8b) return;
  throw new OciError('IMAGE_LAYOUT_INVALID', `${name} is compressed as a whole; decompress it with gunzip first`);
}
