// Whiteouts: how a layer says that something below it is gone.
// https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#whiteouts

export type Whiteout =
  /** Hides one name in lower layers. */
  | { readonly kind: 'name'; readonly name: string }
  /** Hides everything that lower layers have in this directory. */
  | { readonly kind: 'opaque' }
  /** Bookkeeping of AUFS, without meaning for others. */
  | { readonly kind: 'ignored' }
  /** A name that hides nothing that can exist. */
  | { readonly kind: 'invalid' };

const prefix = '.wh.';
const opaqueName = '.wh..wh..opq';

/** What a file's name means, or undefined when it is an ordinary name. */
export function whiteoutOf(fileName: string): Whiteout | undefined {
  if (!fileName.startsWith(prefix)) return undefined;
  if (fileName === opaqueName) return { kind: 'opaque' };
  const name = fileName.slice(prefix.length);
  if (name.startsWith(prefix)) return { kind: 'ignored' };
  return name === '' || name === '.' || name === '..' ? { kind: 'invalid' } : { kind: 'name', name };
}
