import { describe, expect, test } from 'vitest';
import { encapsulatedName, xattrsTarget } from './object-name.ts';

const checksum = 'ab'.repeat(32);
const object = `sysroot/ostree/repo/objects/ab/${checksum.slice(2)}`;

describe('encapsulatedName', () => {
  test.each([
    [`${object}.commit`, 'commit'],
    [`./${object}.dirtree`, 'dirtree'],
    [`/${object}.dirmeta`, 'dirmeta'],
    [`${object}.file`, 'file'],
    [`${object}.file-xattrs`, 'xattrs'],
    [`${object}.file-xattrs-link`, 'xattrs-link'],
    [`${object}.file.xattrs`, 'xattrs-link'],
    [`sysroot/ostree/repo/xattrs/${checksum}`, 'xattrs'],
  ])('%s is a %s', (path, type) => {
    expect(encapsulatedName(path)).toEqual({ type, checksum });
  });

  test.each([
    'usr/bin/bash',
    'sysroot/ostree/repo/config',
    `usr/${object}.file`,
    `${object}.commitmeta`,
    `${object}x.file`,
    `sysroot/ostree/repo/objects/AB/${checksum.slice(2)}.file`,
    `sysroot/ostree/repo/objects/../objects/ab/${checksum.slice(2)}.file`,
  ])('%s is nothing', (path) => {
    expect(encapsulatedName(path)).toBeUndefined();
  });
});

test.each([
  [`../${'ab'}/${checksum.slice(2)}.file-xattrs`, checksum],
  [`${object}.file-xattrs`, checksum],
  [`../../xattrs/${checksum}`, checksum],
  [`${object}.file`, undefined],
  ['', undefined],
])('the target %s means the attributes %s', (target, expected) => {
  expect(xattrsTarget(target)).toBe(expected);
});
