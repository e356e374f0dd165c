// Reads from an image's layers what the rules and the inspection look at, without unpacking: layers are read in order, a
// later one covers an earlier one, and whiteouts remove.
// https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#whiteouts
import type { TarEntry } from '@varve/oci';
import { BuildError } from '../error.ts';
import { normalisePath, parseWhiteout } from '../layer-path.ts';
import type { ImageFacts, KernelFacts } from './rules.ts';

interface Remembered {
  readonly type: TarEntry['type'];
  readonly linkTarget: string | undefined;
  /** The text of the few files whose text is wanted. */
  readonly text: string | undefined;
}

/** Files whose text is read: the release, and dpkg's list of packages at its two places. */
const textFiles = ['usr/lib/os-release', 'usr/lib/sysimage/dpkg/status', 'var/lib/dpkg/status'];
const maximumText = 64 * 1024 * 1024;

/** A view on the merged layers, limited to the paths that matter here. */
export class LayerFacts {
  readonly #entries = new Map<string, Remembered>();

  /** Adds the next layer on top. Reads `entries` to the end. */
  async add(entries: AsyncIterable<TarEntry>): Promise<void> {
    const added = new Set<string>();
    for await (const entry of entries) {
      const path = normalisePath(entry.path);
      const whiteout = parseWhiteout(path);
      if (whiteout !== undefined) {
        this.#remove(whiteout.path, whiteout.itself, added);
      } else if (matters(path)) {
        if (entry.type !== 'directory') this.#remove(path, false, added);
        const text = textFiles.includes(path) && entry.type === 'file' ? await readText(entry) : undefined;
        this.#entries.set(path, { type: entry.type, linkTarget: entry.linkTarget, text });
        added.add(path);
      }
    }
  }

  /** What the rules of rules.ts look at. */
  facts(): ImageFacts {
    return {
      kernels: this.#kernels(),
      hasEtc: this.#is('etc', 'directory'),
      hasUsrEtc: this.#is('usr/etc', 'directory'),
      hasSysroot: this.#is('sysroot', 'directory'),
      ostreeLink: this.#is('ostree', 'symlink') ? this.#entries.get('ostree')?.linkTarget : undefined,
    };
  }

  osRelease(): string | undefined {
    return this.#entries.get('usr/lib/os-release')?.text;
  }

  /** dpkg's status file. */
  packageStatus(): string | undefined {
    return this.#entries.get('usr/lib/sysimage/dpkg/status')?.text ?? this.#entries.get('var/lib/dpkg/status')?.text;
  }

  #kernels(): KernelFacts[] {
    const kernels: KernelFacts[] = [];
    for (const [path, entry] of this.#entries) {
      const version = /^usr\/lib\/modules\/(?<version>[^/]+)\/vmlinuz$/.exec(path)?.groups?.version;
      if (version === undefined || !isFile(entry)) continue;
      const initramfs = ['initramfs.img', 'initramfs'].map((name) =>
        this.#entries.get(`usr/lib/modules/${version}/${name}`),
      );
      kernels.push({ version, hasInitramfs: initramfs.some(isFile) });
    }
    return kernels.sort((a, b) => (a.version < b.version ? -1 : 1));
  }

  #is(path: string, type: TarEntry['type']): boolean {
    return this.#entries.get(path)?.type === type;
  }

  /** Forgets what lies below a path, and the path itself; what the same layer added stays. */
  #remove(path: string, itself: boolean, added: ReadonlySet<string>): void {
    for (const known of this.#entries.keys()) {
      const covered = path === '' || known.startsWith(`${path}/`) || (itself && known === path);
      if (covered && !added.has(known)) this.#entries.delete(known);
    }
  }
}

function isFile(entry: Remembered | undefined): boolean {
  return entry?.type === 'file' || entry?.type === 'hardlink';
}

function matters(path: string): boolean {
  return (
    /^(etc|ostree|sysroot|usr|usr\/(etc|lib|lib\/modules))$/.test(path) ||
    /^usr\/lib\/modules\/[^/]+(\/(vmlinuz|initramfs|initramfs\.img))?$/.test(path) ||
    textFiles.includes(path)
  );
}

async function readText(entry: TarEntry): Promise<string> {
  if (entry.size > maximumText) {
    throw new BuildError(
      'IMAGE_UNREADABLE',
      `${entry.path} in the image has ${entry.size} bytes, and ${maximumText} are the most; look for what wrote it`,
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry.content) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}
