// Which files of an extensions image lie in its RPM repository, layer upon layer. Pure: names and numbers only. The numbers
// are of contents that were put aside; nothing is written under a name that an image chose before all layers are known
// and verified.
import { posix } from 'node:path';
import { importPath, whiteoutOf } from '@varve/ostree';
import { AgentError } from '../../../error.ts';

/**
 * Where `rpm-ostree compose extensions` puts the repository of an extensions image, and where the reference looks for it
 * (machine-config-operator pkg/daemon/update.go, addExtensionsRepo).
 */
export const repositoryPath = 'usr/share/rpm-ostree/extensions';

/** Path below the repository to the number of its content. */
export type RepositoryFiles = ReadonlyMap<string, number>;

/** More than any repository has: a bound on what a hostile image can make a host remember. */
export const maxFiles = 100_000;

/** What one layer says of the repository. */
export class LayerFiles {
  readonly #files = new Map<string, number>();
  /** Paths of the repository, or above it, whose content in lower layers is gone. */
  readonly #hidden = new Set<string>();
  readonly #lower: RepositoryFiles;

  constructor(lower: RepositoryFiles) {
    this.#lower = lower;
  }

  /**
   * Where an entry lies below the repository; undefined for one elsewhere, and for a whiteout, which is noted.
   * @throws OstreeError LAYER_NOT_IMPORTABLE for a path with `..`
   */
  locate(raw: string): string | undefined {
    const { path } = importPath(raw);
    const whiteout = whiteoutOf(posix.basename(path));
    if (whiteout) {
      const directory = posix.dirname(path);
      if (whiteout.kind === 'name') this.#hide(posix.join(directory, whiteout.name));
      if (whiteout.kind === 'opaque') this.#hide(directory);
      return undefined;
    }
    return path.startsWith(`${repositoryPath}/`) ? path.slice(repositoryPath.length + 1) : undefined;
  }

  add(path: string, content: number): void {
    this.#files.set(path, content);
    if (this.#files.size > maxFiles) throw unusable(`has more than ${maxFiles} files`);
  }

  /** The content that a hard link means: of this layer, or of one below. Throws CONFIG_UNSUPPORTED. */
  linked(raw: string): number {
    const path = this.locate(raw);
    const content = path === undefined ? undefined : (this.#files.get(path) ?? this.#lower.get(path));
    if (content === undefined) throw unusable(`has a hard link to ${raw.slice(0, 200)}, which is not in it`);
    return content;
  }

  /** The repository with this layer on top of those below. */
  merge(): RepositoryFiles {
    const merged = new Map<string, number>();
    for (const [path, content] of this.#lower) {
      if (!this.#hides(path) && !this.#replaces(path)) merged.set(path, content);
    }
    for (const [path, content] of this.#files) merged.set(path, content);
    if (merged.size > maxFiles) throw unusable(`has more than ${maxFiles} files`);
    return merged;
  }

  #hide(path: string): void {
    if (path !== '.' && !repositoryPath.startsWith(`${path}/`) && !`${path}/`.startsWith(`${repositoryPath}/`)) return;
    this.#hidden.add(path);
    if (this.#hidden.size > maxFiles) throw unusable(`takes more than ${maxFiles} files away`);
  }

  #hides(path: string): boolean {
    if (this.#hidden.has('.')) return true;
    for (let at = `${repositoryPath}/${path}`; at !== '.'; at = posix.dirname(at)) {
      if (this.#hidden.has(at)) return true;
    }
    return false;
  }

  /** A file of this layer stands where a directory above the path was. */
  #replaces(path: string): boolean {
    for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) {
      if (this.#files.has(parent)) return true;
    }
    return false;
  }
}

export function unusable(problem: string): AgentError {
  return new AgentError(
    'CONFIG_UNSUPPORTED',
    `spec.baseOSExtensionsContainerImage: the repository of the image in /${repositoryPath} ${problem}; name an image that \`rpm-ostree compose extensions\` made`,
  );
}
