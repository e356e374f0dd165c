import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareRpmVersions } from './rpm-version.ts';

describe('compareRpmVersions', () => {
  // From rpm's own tests/rpmvercmp.at, each pair once.
  test.each([
    ['1.0', '2.0'],
    ['2.0', '2.0.1'],
    ['2.0.1', '2.0.1a'],
    ['5.5p1', '5.5p2'],
    ['5.5p1', '5.5p10'],
    ['10xyz', '10.1xyz'],
    ['xyz10', 'xyz10.1'],
    ['xyz.4', '8'],
    ['xyz.4', '2'],
    ['5.5p2', '5.6p1'],
    ['5.6p1', '6.5p1'],
    ['6.0', '6.0.rc1'],
    ['10a2', '10b2'],
    ['1.0a', '1.0aa'],
    ['10.0001', '10.0039'],
    ['4.999.9', '5.0'],
    ['20101121', '20101122'],
    ['1.0~rc1', '1.0'],
    ['1.0~rc1', '1.0~rc2'],
    ['1.0~rc1~git123', '1.0~rc1'],
    ['1.0', '1.0^'],
    ['1.0^git1', '1.0^git2'],
    ['1.0^git1', '1.01'],
    ['1.0^20160101', '1.0.1'],
    ['1.0^20160101^git1', '1.0^20160102'],
    ['1.0~rc1^git1', '1.0'],
    ['1.0~rc1', '1.0~rc1^git1'],
    ['1.0^git1~pre', '1.0^git1'],
    ['1:1.0', '2:0.1'],
    ['9.9', '1:0.1'],
    ['1.0-1', '1.0-2'],
    ['1.0-1.el9', '1.0-1.el9_1'],
  ])('%s is older than %s', (older, newer) => {
    expect(compareRpmVersions(older, newer)).toBeLessThan(0);
    expect(compareRpmVersions(newer, older)).toBeGreaterThan(0);
  });

  test.each([
    ['1.0', '1.0'],
    ['2_0', '2.0'],
    ['a+', 'a_'],
    ['+', '_'],
    ['1.05', '1.5'],
    ['1.0~rc1', '1.0~rc1'],
    ['1.0^', '1.0^'],
    ['0:1.0', '1.0'],
  ])('%s is the same as %s', (a, b) => {
    expect(compareRpmVersions(a, b)).toBe(0);
  });

  test('is antisymmetric, whatever the text', () => {
    const version = fc.string({ unit: fc.constantFrom(...'0129aZ+.~^-:'), maxLength: 12 });
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(Math.sign(compareRpmVersions(a, b)) + Math.sign(compareRpmVersions(b, a))).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });
});
