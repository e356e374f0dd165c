// The difference of two images, as `varve image diff` tells it to a person.
import {
  type FileChange,
  type FileGroup,
  groupFiles,
  type ImageDiff,
  type ImageSummary,
  type PackageChange,
} from '@varve/build';
import { formatBytes, printable } from '../output.ts';

export interface DiffTableOptions {
  /** Lists every file; otherwise those of packages are counted, and of others the first few are named. */
  readonly allFiles: boolean;
}

/** What is named of a directory's changes unless all files are wanted. */
const namedFiles = 10;

export function formatDiff(diff: ImageDiff, options: DiffTableOptions): string {
  return [
    nameOf(diff.before),
    `  → ${nameOf(diff.after)}`,
    `system:    ${fromTo(diff.before.osRelease ?? 'unknown', diff.after.osRelease ?? 'unknown')}`,
    `kernel:    ${fromTo(diff.before.kernels.join(', ') || 'none', diff.after.kernels.join(', ') || 'none')}`,
    ...formatPackages(diff),
    ...formatFiles(diff.files, options),
    ...formatLabels(diff),
    ...formatFetch(diff),
  ]
    .map(printable)
    .join('\n');
}

/** With the digest, which is what was compared. */
function nameOf({ name, digest }: ImageSummary): string {
  return name.includes(digest) ? name : `${name} (${digest})`;
}

function fromTo(before: string, after: string): string {
  return before === after ? `${after} (no change)` : `${before} → ${after}`;
}

function formatPackages({ packages, unreadPackages }: ImageDiff): string[] {
  if (unreadPackages.length > 0) return ['packages:  not compared', ...unreadPackages.map((text) => `  ${text}`)];
  if (packages.length === 0) return ['packages:  no change'];
  const count = (change: PackageChange['change']) => packages.filter((entry) => entry.change === change).length;
  const counts = (['added', 'removed', 'upgraded', 'downgraded'] as const)
    .filter((change) => count(change) > 0)
    .map((change) => `${count(change)} ${change}`);
  const width = Math.max(...packages.map(({ name }) => name.length));
  return [`packages:  ${counts.join(', ')}`, ...packages.map((entry) => `  ${formatPackage(entry, width)}`)];
}

function formatPackage({ name, change, from, to }: PackageChange, width: number): string {
  const marks = { added: '+', removed: '-', upgraded: '↑', downgraded: '↓' };
  const versions = [from, to].filter((list) => list.length > 0).map((list) => list.join(', '));
  return `${marks[change]} ${name.padEnd(width)}  ${versions.join(' → ')}`;
}

function formatFiles(files: readonly FileChange[], options: DiffTableOptions): string[] {
  if (files.length === 0) return ['files:     no change'];
  const lines = [`files:     ${countChanges(files)}`];
  for (const group of groupFiles(files)) lines.push(...formatGroup(group, options));
  return lines;
}

function formatGroup({ name, owner, changes }: FileGroup, { allFiles }: DiffTableOptions): string[] {
  const title = owner === 'package' ? name : `${name} (of no package)`;
  const heading = `  ${title}: ${countChanges(changes)}, ${formatBytes(sizeOf(changes))}`;
  if (owner === 'package' && !allFiles) return [heading];
  const named = allFiles ? changes : changes.slice(0, namedFiles);
  const more = changes.length - named.length;
  return [heading, ...named.map(formatFile), ...(more > 0 ? [`    … ${more} more; --files names them`] : [])];
}

function formatFile({ path, change, type, aspects, sizeBefore, sizeAfter }: FileChange): string {
  const mark = { added: '+', removed: '-', changed: '~' }[change];
  const slash = type === 'directory' ? '/' : '';
  return `    ${mark} ${path}${slash}${describe(change, type, aspects, sizeBefore, sizeAfter)}`;
}

function describe(
  change: FileChange['change'],
  type: FileChange['type'],
  aspects: FileChange['aspects'],
  sizeBefore: number,
  sizeAfter: number,
): string {
  const other = aspects.filter((aspect) => aspect !== 'content').join(', ');
  if (type !== 'file') return other === '' ? '' : `  (${other})`;
  const size = change === 'removed' ? sizeBefore : sizeAfter;
  const sizes =
    change === 'changed' && sizeBefore !== sizeAfter
      ? `${formatBytes(sizeBefore)} → ${formatBytes(sizeAfter)}`
      : formatBytes(size);
  return `  ${sizes}${other === '' ? '' : `  (${other})`}`;
}

function countChanges(changes: readonly FileChange[]): string {
  return (['added', 'removed', 'changed'] as const)
    .map((kind) => ({ kind, count: changes.filter(({ change }) => change === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${count} ${kind}`)
    .join(', ');
}

/** Bytes of what is new, or of what went away where nothing is. */
function sizeOf(changes: readonly FileChange[]): number {
  let after = 0;
  let before = 0;
  for (const change of changes) {
    if (change.aspects.length > 0 && !change.aspects.includes('content') && !change.aspects.includes('type')) continue;
    after += change.sizeAfter;
    before += change.sizeBefore;
  }
  return after > 0 ? after : before;
}

function formatLabels({ labels }: ImageDiff): string[] {
  if (labels.length === 0) return ['labels:    no change'];
  return [
    'labels:',
    ...labels.map(({ name, before, after }) => {
      if (before === undefined) return `  + ${name}=${after ?? ''}`;
      return after === undefined ? `  - ${name}=${before}` : `  ~ ${name}: ${before} → ${after}`;
    }),
  ];
}

function formatFetch({ fetch: { layers, files, chunkedLayers, missingLayers } }: ImageDiff): string[] {
  if (missingLayers === 0) return ['to fetch:  nothing; a host that has the first image has all layers'];
  const whole = `${formatBytes(layers.bytes)} in ${missingLayers} layer${missingLayers === 1 ? '' : 's'}`;
  if (chunkedLayers === 0) {
    return [`to fetch:  ${whole}; \`varve image chunk\` makes layers of which hosts fetch only changed files`];
  }
  return [`to fetch:  ${formatBytes(files.bytes)} of changed files, by a host that has the first image (${whole})`];
}
