import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importPath } from './import-path.ts';

describe('importPath', () => {
  // From the tests of ostree-ext, lib/src/tar/write.rs (normalize_path, with allow_nonusr), where `./` is written for us by none.
  test.each([
    ['/usr/bin/blah', 'usr/bin/blah'],
    ['usr/bin/blah', 'usr/bin/blah'],
    ['usr///share/.//blah', 'usr/share/blah'],
    ['var/lib/blah', 'var/lib/blah'],
    ['./var/lib/blah', 'var/lib/blah'],
    ['./', ''],
    ['/etc/foo', 'usr/etc/foo'],
    ['./etc/foo', 'usr/etc/foo'],
    ['etc/foo//bar', 'usr/etc/foo/bar'],
    ['etc', 'usr/etc'],
    ['etc/', 'usr/etc'],
    ['/etcc/foo', 'etcc/foo'],
    ['boot/vmlinuz', 'boot/vmlinuz'],
    ['opt/puppet', 'opt/puppet'],
    ['run', 'run'],
    ['./tmp', 'tmp'],
    ['proc/', 'proc'],
    ['usr/tmp/x', 'usr/tmp/x'],
    ['usr/etc/foo', 'usr/etc/foo'],
    ['sysroot', 'sysroot'],
    ['etc/.wh.foo', 'usr/etc/.wh.foo'],
    ['.wh.etc', 'usr/.wh.etc'],
    ['.wh.etc2', '.wh.etc2'],
    ['.wh..wh..opq', '.wh..wh..opq'],
  ])('keeps %s as %s', (raw, path) => {
    expect(importPath(raw)).toEqual({ path, kept: true });
  });

  test.each([
    '/run/blah',
    'run/x',
    '/sys/foo',
    '/dev/foo',
    'tmp/foo',
    'proc/1',
    './/tmp//x',
    'sysroot/ostree/repo/config',
  ])('leaves out %s', (raw) => {
    expect(importPath(raw).kept).toBe(false);
  });

  test.each(['usr/foo/../../bar', '../etc/baz', '..', 'usr/..', '/../x'])('refuses %s', (raw) => {
    expect(() => importPath(raw)).toThrow('has the part `..`');
  });

  test('takes out every part that means nothing, wherever it is', () => {
    const part = fc.constantFrom('', '.', '..', '...', '.a', 'a.', 'usr', 'etc', 'tmp');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const raw = parts.join('/');
        if (parts.includes('..')) expect(() => importPath(raw)).toThrow('has the part `..`');
        else {
          const kept = parts.filter((name) => name !== '' && name !== '.');
          expect(importPath(raw).path).toBe([...(kept[0] === 'etc' ? ['usr'] : []), ...kept].join('/'));
        }
      }),
    );
  });

  test('refuses what no file system can hold', () => {
    expect(() => importPath('a'.repeat(256))).toThrow('longer than 255 bytes');
    expect(() => importPath('ü'.repeat(128))).toThrow('longer than 255 bytes');
    expect(() => importPath('a/'.repeat(2049))).toThrow('longer than 4096 bytes');
    expect(importPath('a'.repeat(255)).kept).toBe(true);
  });
});
