// From what a MachineConfig calls an image to the digest that hosts get, with what can be known cheaply beforehand: it
// is there, and it is a Linux image for this kind of host.
import { type Digest, parseImageReference, type RegistryClient } from '@varve/oci';
import { ControllerError } from '../error.ts';

/** The digest that `reference` names, after the checks. Throws OciError, or ControllerError IMAGE_UNSUITABLE. */
export type ResolveImage = (reference: string, signal: AbortSignal) => Promise<Digest>;

/** Milliseconds for all requests of one resolution. */
const timeout = 60_000;

/**
 * Fetches manifest and config (a few kilobytes), never a layer. An index resolves to its own digest, so that hosts of
 * other architectures find theirs in it.
 */
export function createImageResolver(registry: Pick<RegistryClient, 'resolve' | 'getImage'>): ResolveImage {
  return async (reference, signal) => {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
    const parsed = parseImageReference(reference);
    const { digest } = await registry.resolve(parsed, { signal: bounded });
    const { tag: _tag, ...byDigest } = { ...parsed, digest };
    const { config, manifest } = await registry.getImage(byDigest, { signal: bounded });
    if (config.os !== 'linux') {
      throw new ControllerError(
        'IMAGE_UNSUITABLE',
        `${reference} is an image for ${config.os}; hosts boot linux images`,
      );
    }
    if (manifest.layers.length === 0) {
      throw new ControllerError('IMAGE_UNSUITABLE', `${reference} has no layers: it holds no operating system`);
    }
    return digest;
  };
}
