// Pushes an image of an OCI layout to a registry, unchanged.
import { type Digest, formatImageReference, type ImageReference } from '@varve/oci';
import { CommandFailure, formatLastLines, runCommand } from './command.ts';
import { BuildError } from './error.ts';

/** How a registry is reached; the names and meanings of the options of skopeo and buildah. */
export interface RegistryAccess {
  /** File with credentials, containers-auth.json(5). */
  readonly authFile?: string | undefined;
  /** Directory with ca.crt, client.cert and client.key, containers-certs.d(5). */
  readonly certDirectory?: string | undefined;
  /** False allows HTTP and unknown certificates. */
  readonly tlsVerify?: boolean | undefined;
}

export interface Destination extends RegistryAccess {
  /** Registry, repository and tag to push to. */
  readonly reference: ImageReference;
}

/** Pushes and returns `registry/repository@digest`. Throws IMAGE_PUSH_FAILED. */
export async function pushLayout(
  layout: string,
  tag: string,
  digest: Digest,
  destination: Destination,
  signal?: AbortSignal,
): Promise<string> {
  const target = formatImageReference(destination.reference);
  const args = ['copy', '--quiet', '--preserve-digests', ...skopeoOptions(destination)];
  try {
    await runCommand('skopeo', [...args, `oci:${layout}:${tag}`, `docker://${target}`], {
      signal,
      timeout: 30 * 60_000,
    });
  } catch (error) {
    throw error instanceof CommandFailure ? pushFailure(target, error) : error;
  }
  return pinned(destination.reference, digest);
}

function skopeoOptions(access: RegistryAccess): string[] {
  const options: string[] = [];
  if (access.authFile !== undefined) options.push(`--dest-authfile=${access.authFile}`);
  if (access.certDirectory !== undefined) options.push(`--dest-cert-dir=${access.certDirectory}`);
  if (access.tlsVerify !== undefined) options.push(`--dest-tls-verify=${access.tlsVerify}`);
  return options;
}

/** The same repository by digest. */
export function pinned(reference: ImageReference, digest: Digest): string {
  return formatImageReference({ registry: reference.registry, repository: reference.repository, digest });
}

export function pushFailure(target: string, failure: CommandFailure): BuildError {
  return new BuildError(
    'IMAGE_PUSH_FAILED',
    `${target} was not pushed: ${failure.message}. Check that the registry runs and lets you push.${formatLastLines(failure.lastLines)}`,
    { cause: failure },
  );
}
