// Lends rpm-ostree the packages of an extensions image for as long as it works. Nothing of it stays: not when the work
// fails, and after a kill the next one clears up.
import { rm } from 'node:fs/promises';
import { type Digest, parseImageReference } from '@varve/oci';
import { AgentError } from '../../../error.ts';
import type { Network } from '../../../network/network.ts';
import { Tree } from '../../../tree/tree.ts';
import type { StageProgress } from '../../driver.ts';
import { formatRepositoryFile, repositoryFile } from './repository-file.ts';
import { unpackRepository } from './unpack.ts';

export interface ExtensionsPlace {
  /** Where the repository is unpacked: a directory of nobody else's, on a disk that has room. */
  readonly directory: string;
  /** Of the deployment that runs, whose /etc names the repositories that rpm-ostree asks. */
  readonly root: string;
}

export interface LendOptions extends ExtensionsPlace {
  /** By digest. */
  readonly image: string;
  readonly network: Network;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
}

/** Throws CONFIG_UNSUPPORTED for an image without a repository or a digest. */
export async function withExtensions<T>(options: LendOptions, use: () => Promise<T>): Promise<T> {
  const { image, network, directory, root, signal, onProgress } = options;
  const digest = digestOfExtensions(image);
  await removeExtensions(options);
  try {
    await using source = await network.openImage(parseImageReference(image), signal);
    const repository = await unpackRepository({ source, directory, signal, onProgress });
    const text = formatRepositoryFile(digest, repository);
    await new Tree(root).writeFile(repositoryFile, Buffer.from(text), { mode: 0o644, uid: 0, gid: 0 });
    return await use();
  } finally {
    await removeExtensions(options);
  }
}

/** The file that names the repository goes first. Any number of times. */
export async function removeExtensions({ directory, root }: ExtensionsPlace): Promise<void> {
  await new Tree(root).remove(repositoryFile);
  await rm(directory, { recursive: true, force: true });
}

/** Throws CONFIG_UNSUPPORTED for an image that is not named by digest. */
export function digestOfExtensions(image: string): Digest {
  const { digest } = parseImageReference(image);
  if (digest) return digest;
  throw new AgentError(
    'CONFIG_UNSUPPORTED',
    `spec.baseOSExtensionsContainerImage: ${image} has no digest; the control plane resolves tags, hosts take only digests`,
  );
}
