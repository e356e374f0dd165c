// Names of images with their transports, as skopeo and podman take them:
// https://github.com/containers/image/blob/main/docs/containers-transports.5.md
import { OciError } from '../error.ts';
import { formatImageReference, type ImageReference, parseImageReference } from '../reference.ts';

export type LocalTransport = 'oci' | 'oci-archive' | 'docker-archive' | 'dir';

/** Where an image is: in a registry, or on a disk. */
export type ImageLocation =
  | { transport: 'registry'; reference: ImageReference }
  | { transport: LocalTransport; path: string; name?: string };

const localTransports: readonly LocalTransport[] = ['oci', 'oci-archive', 'docker-archive', 'dir'];

/**
 * Parses `oci:DIRECTORY[:NAME]`, `oci-archive:FILE[:NAME]`, `docker-archive:FILE[:NAME]`, `dir:DIRECTORY`,
 * `docker://REFERENCE`, or a reference alone.
 * @throws OciError REFERENCE_INVALID
 */
export function parseImageSource(text: string): ImageLocation {
  const colon = text.indexOf(':');
  const transport = localTransports.find((name) => name === text.slice(0, Math.max(colon, 0)));
  if (transport !== undefined) return parseLocal(transport, text.slice(colon + 1), text);
  return { transport: 'registry', reference: parseImageReference(text.replace(/^docker:\/\//, '')) };
}

export function formatImageSource(location: ImageLocation): string {
  if (location.transport === 'registry') return formatImageReference(location.reference);
  return `${location.transport}:${location.path}${location.name === undefined ? '' : `:${location.name}`}`;
}

function parseLocal(transport: LocalTransport, rest: string, text: string): ImageLocation {
  // Paths end at the first colon, as skopeo has it; a directory by itself has no name.
  const colon = transport === 'dir' ? -1 : rest.indexOf(':');
  const path = colon < 0 ? rest : rest.slice(0, colon);
  const name = colon < 0 ? undefined : rest.slice(colon + 1);
  if (path === '' || path.includes('\0') || name === '') {
    throw new OciError(
      'REFERENCE_INVALID',
      `${JSON.stringify(text.slice(0, 200))} names no ${transport === 'dir' || transport === 'oci' ? 'directory' : 'file'}; write ${transport}:PATH${transport === 'dir' ? '' : ':NAME'}`,
    );
  }
  return { transport, path, ...(name !== undefined && { name }) };
}
