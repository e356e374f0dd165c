// What happened to the packages between two images.
import { compareDpkgVersions } from './dpkg-version.ts';
import type { InstalledPackage } from './package.ts';
import { compareRpmVersions } from './rpm-version.ts';

export interface PackageChange {
  readonly name: string;
  readonly architecture: string;
  readonly change: 'added' | 'removed' | 'upgraded' | 'downgraded';
  /** Versions that went away: one, or several of a package that can be installed more than once. */
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** Sorted by name. A package is known by its name and architecture. */
export function comparePackages(
  before: readonly InstalledPackage[],
  after: readonly InstalledPackage[],
  manager: 'dpkg' | 'rpm',
): PackageChange[] {
  const compare = manager === 'dpkg' ? compareDpkgVersions : compareRpmVersions;
  const [old, now] = [versionsByPackage(before), versionsByPackage(after)];
  const changes: PackageChange[] = [];
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const [name = '', architecture = ''] = key.split('\0');
    const [had, has] = [old.get(key) ?? [], now.get(key) ?? []];
    const from = had.filter((version) => !has.includes(version)).sort(compare);
    const to = has.filter((version) => !had.includes(version)).sort(compare);
    if (from.length === 0 && to.length === 0) continue;
    changes.push({ name, architecture, change: kindOf(from, to, compare), from, to });
  }
  return changes.sort((a, b) => compareTexts(a.name, b.name) || compareTexts(a.architecture, b.architecture));
}

function kindOf(
  from: readonly string[],
  to: readonly string[],
  compare: (a: string, b: string) => number,
): PackageChange['change'] {
  const [old, now] = [from.at(-1), to.at(-1)];
  if (old === undefined) return 'added';
  if (now === undefined) return 'removed';
  return compare(old, now) > 0 ? 'downgraded' : 'upgraded';
}

function versionsByPackage(packages: readonly InstalledPackage[]): Map<string, string[]> {
  const byKey = new Map<string, string[]>();
  for (const { name, architecture, version } of packages) {
    const key = `${name}\0${architecture}`;
    byKey.set(key, [...(byKey.get(key) ?? []), version]);
  }
  return byKey;
}

function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
