// How entries of a layer name files, and how they hide those of lower layers.
// https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#whiteouts

export interface Whiteout {
  readonly path: string;
  /** False where only what lies below the path is hidden. */
  readonly itself: boolean;
}

/** `./usr//bin/` and `/usr/bin` are `usr/bin`; the root is the empty text. */
export function normalisePath(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}

/** `a/.wh.b` hides a/b; `a/.wh..wh..opq` hides what lower layers have below a. */
export function parseWhiteout(path: string): Whiteout | undefined {
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  if (!name.startsWith('.wh.')) return undefined;
  const directory = path.slice(0, Math.max(slash, 0));
  if (name === '.wh..wh..opq') return { path: directory, itself: false };
  const hidden = name.slice('.wh.'.length);
  return { path: directory === '' ? hidden : `${directory}/${hidden}`, itself: true };
}
