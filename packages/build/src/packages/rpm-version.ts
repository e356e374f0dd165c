// Which of two rpm versions is newer: rpmvercmp of https://github.com/rpm-software-management/rpm (rpmio/rpmvercmp.cc), as
// https://fedoraproject.org/wiki/Archive:Tools/RPM/VersionComparison and rpm-version(7) tell it.
import { compareDigits } from './dpkg-version.ts';

interface RpmVersion {
  readonly epoch: string;
  readonly version: string;
  readonly release: string;
}

/** Compares `[EPOCH:]VERSION[-RELEASE]`. Negative when `a` is older. A missing epoch is 0. */
export function compareRpmVersions(a: string, b: string): number {
  const [left, right] = [split(a), split(b)];
  return (
    compareDigits(left.epoch, right.epoch) ||
    comparePart(left.version, right.version) ||
    comparePart(left.release, right.release)
  );
}

function split(text: string): RpmVersion {
  const match = /^(?:(?<epoch>[0-9]*):)?(?<version>[^-]*)(?:-(?<release>.*))?$/s.exec(text)?.groups;
  return { epoch: match?.epoch ?? '0', version: match?.version ?? text, release: match?.release ?? '' };
}

/** Segments of digits or letters, with `~` before and `^` after the end; every other character only separates. */
function comparePart(a: string, b: string): number {
  if (a === b) return 0;
  let [left, right] = [a, b];
  while (left !== '' || right !== '') {
    left = left.replace(/^[^A-Za-z0-9~^]+/, '');
    right = right.replace(/^[^A-Za-z0-9~^]+/, '');
    const byMark = compareMark(left, right);
    if (byMark !== undefined) {
      if (byMark !== 0) return byMark;
      left = left.slice(1);
      right = right.slice(1);
      continue;
    }
    if (left === '' || right === '') break;
    const kind = /^[0-9]/.test(left) ? /^[0-9]+/ : /^[A-Za-z]+/;
    const [leftPart, rightPart] = [kind.exec(left)?.[0] ?? '', kind.exec(right)?.[0] ?? ''];
    // Of two kinds, the number is the newer one.
    if (rightPart === '') return kind.source.startsWith('^[0-9]') ? 1 : -1;
    const order = /^[0-9]/.test(leftPart) ? compareDigits(leftPart, rightPart) : compareLetters(leftPart, rightPart);
    if (order !== 0) return order;
    left = left.slice(leftPart.length);
    right = right.slice(rightPart.length);
  }
  return left === right ? 0 : left === '' ? -1 : 1;
}

/** Undefined when neither begins with a mark, 0 when both begin with the same. */
function compareMark(left: string, right: string): number | undefined {
  if (left[0] === '~' || right[0] === '~') {
    if (left[0] !== '~') return 1;
    return right[0] === '~' ? 0 : -1;
  }
  if (left[0] !== '^' && right[0] !== '^') return undefined;
  if (left === '') return -1;
  if (right === '') return 1;
  if (left[0] !== '^') return 1;
  return right[0] === '^' ? 0 : -1;
}

function compareLetters(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
