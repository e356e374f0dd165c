// Where an entry of a container layer lies in an OSTree commit: the rules of ostree-ext (lib/src/tar/write.rs,
// normalize_validated_path) for images that were not made from an OSTree commit.
import { OstreeError } from './error.ts';
import { whiteoutOf } from './whiteout.ts';

export interface ImportPath {
  /** Parts joined by `/`, with none at either end; '' is the root. */
  readonly path: string;
  /** False for what cannot be part of an operating system's tree. */
  readonly kept: boolean;
}

/**
 * Which parts of the root a layer can write to: any, or only those that an OSTree host takes from an image. The latter holds
 * for layers on an image that was made from an OSTree commit, where /opt, /home and others are links into /var.
 */
export type PathRules = 'any' | 'usr-only';

const usrOnlyToplevels: ReadonlySet<string> = new Set(['usr', 'etc', 'var']);

/** Mount points of a running system: the directories are kept, what lies in them is not. */
const runtimeDirectories: ReadonlySet<string> = new Set(['dev', 'proc', 'run', 'sys', 'tmp']);

/** An OSTree repository inside an image only exists for tools like `ostree container commit`. */
const embeddedRepository = 'sysroot/ostree/';

const maximumPathBytes = 4096;
const maximumNameBytes = 255;

/** Parts that mean nothing or lead elsewhere: empty ones, `.` and `..`. Hardly any path of a layer has them. */
const oddPart = /(?:^|\/)\.{0,2}(?:\/|$)/;

/** @throws OstreeError LAYER_NOT_IMPORTABLE for a path with `..`, or one that no Linux file system can hold */
export function importPath(raw: string, rules: PathRules = 'any'): ImportPath {
  const clean = oddPart.test(raw) ? withoutOddParts(raw) : raw;
  checkLength(raw, clean);
  const toplevel = firstPart(clean);
  const path = belongsToUsr(toplevel) ? `usr/${clean}` : clean;
  const isRuntime = runtimeDirectories.has(toplevel);
  if ((isRuntime && clean !== toplevel) || path.startsWith(embeddedRepository)) return { path, kept: false };
  return { path, kept: rules === 'any' || isRuntime || path === '' || usrOnlyToplevels.has(firstPart(path)) };
}

function withoutOddParts(raw: string): string {
  const parts = raw.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw unimportable(raw, 'has the part `..`, which could leave the tree');
  return parts.join('/');
}

function checkLength(raw: string, clean: string): void {
  // No character takes more than three bytes for each of its units.
  if (raw.length * 3 <= maximumNameBytes) return;
  const length = Buffer.byteLength(raw);
  if (length <= maximumNameBytes) return;
  if (length > maximumPathBytes) throw unimportable(raw, `is longer than ${maximumPathBytes} bytes`);
  const long = clean.split('/').find((part) => Buffer.byteLength(part) > maximumNameBytes);
  if (long !== undefined) throw unimportable(raw, `has a part that is longer than ${maximumNameBytes} bytes`);
}

function firstPart(path: string): string {
  const end = path.indexOf('/');
  return end < 0 ? path : path.slice(0, end);
}

/** OSTree keeps an image's own `/etc` in `/usr/etc`; what deletes `/etc` must go there as well. */
function belongsToUsr(toplevel: string): boolean {
  const whiteout = whiteoutOf(toplevel);
  return toplevel === 'etc' || (whiteout?.kind === 'name' && whiteout.name === 'etc');
}

function unimportable(path: string, why: string): OstreeError {
  return new OstreeError(
    'LAYER_NOT_IMPORTABLE',
    `the layer's entry ${JSON.stringify(path.slice(0, 300))} ${why}; build the image again without it`,
  );
}
