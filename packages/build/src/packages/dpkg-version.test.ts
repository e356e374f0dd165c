import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareDpkgVersions } from './dpkg-version.ts';

describe('compareDpkgVersions', () => {
  test("sorts the policy's example: ~~, ~~a, ~, the empty part, a", () => {
    const sorted = ['1~~', '1~~a', '1~', '1', '1a'];
    expect([...sorted].reverse().sort(compareDpkgVersions)).toEqual(sorted);
  });

  test.each([
    ['1.0~beta1~svn1245', '1.0~beta1'],
    ['1.0~beta1', '1.0'],
    ['1.9', '1.10'],
    ['1.0', '1.0.1'],
    ['2.0', '1:0.1'],
    ['1:2', '10:1'],
    ['1.0-1', '1.0-2'],
    ['1.0-9', '1.0-10'],
    ['1.0', '1.0-1'],
    ['1.0-1', '1.0-1+b1'],
    ['1.0-1+b1', '1.0-1+deb12u1'],
    ['1.0-1', '1.0-1.1'],
    ['1.0a', '1.0+'],
    ['1.0-1', '1.0.0-1'],
    ['3.0.20-1~deb12u2', '3.0.22-1~deb12u2'],
    ['1-2-3', '1-3-1'],
  ])('%s is older than %s', (older, newer) => {
    expect(compareDpkgVersions(older, newer)).toBeLessThan(0);
    expect(compareDpkgVersions(newer, older)).toBeGreaterThan(0);
  });

  test.each([
    ['1.0', '1.0'],
    ['0:1.0', '1.0'],
    ['1.0-0', '1.0'],
    ['1.01', '1.1'],
    ['1.', '1.0'],
  ])('%s is the same as %s', (a, b) => {
    expect(compareDpkgVersions(a, b)).toBe(0);
  });

  const version = fc.string({ unit: fc.constantFrom(...'0129aZ+.~-:'), maxLength: 12 });

  test('is antisymmetric and reflexive', () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(compareDpkgVersions(a, a)).toBe(0);
        expect(Math.sign(compareDpkgVersions(a, b)) + Math.sign(compareDpkgVersions(b, a))).toBe(0);
      }),
    );
  });

  test('is transitive', () => {
    fc.assert(
      fc.property(fc.tuple(version, version, version), (versions) => {
        const [a, b, c] = versions.sort(compareDpkgVersions);
        expect(compareDpkgVersions(a ?? '', c ?? '')).toBeLessThanOrEqual(0);
        expect(compareDpkgVersions(a ?? '', b ?? '')).toBeLessThanOrEqual(0);
        expect(compareDpkgVersions(b ?? '', c ?? '')).toBeLessThanOrEqual(0);
      }),
      { numRuns: 1000 },
    );
  });
});
