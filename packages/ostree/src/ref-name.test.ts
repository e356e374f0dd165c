import { parseDigest, parseImageReference } from '@varve/oci';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeRef, imageRef, layerRef, unescapeRef } from './ref-name.ts';

describe('escapeRef', () => {
  // From the tests of ostree-ext, lib/src/refescape.rs.
  test.each([
    ['localhost:5000/foo:latest', 'localhost_3A_5000/foo_3A_latest'],
    ['registry:quay.io/coreos/fedora:latest', 'registry_3A_quay_2E_io/coreos/fedora_3A_latest'],
    ['foo/bar/baz-blah/foo', 'foo/bar/baz-blah/foo'],
    ['/', '_2F_'],
    ['blah/', 'blah_2F_'],
    ['/foo/', '_2F_foo_2F_'],
    ['a_b', 'a__b'],
    ['🦆', '_1F986_'],
  ])('%s', (text, escaped) => {
    expect(escapeRef(text)).toBe(escaped);
    expect(unescapeRef(escaped)).toBe(text);
  });

  test('can be undone and gives a name that is a path of plain parts', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => !value.includes('\0'));
    fc.assert(
      fc.property(text, (value) => {
        const escaped = escapeRef(value);
        expect(unescapeRef(escaped)).toBe(value);
        expect(escaped).toMatch(/^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/);
      }),
    );
  });

  test.each(['', 'a\0b'])('refuses %j', (text) => {
    expect(() => escapeRef(text)).toThrow('cannot be part of the name of a ref');
  });

  test('only what it writes is unescaped', () => {
    expect(unescapeRef('_41_')).toBeUndefined();
    expect(unescapeRef('a:b')).toBeUndefined();
  });
});

test('images and layers are named as ostree-ext names them', () => {
  expect(imageRef(parseImageReference('localhost:5000/os:v1'))).toBe(
    'ostree/container/image/docker_3A__2F__2F_localhost_3A_5000/os_3A_v1',
  );
  const hex = 'ab'.repeat(32);
  expect(layerRef(parseDigest(`sha256:${hex}`))).toBe(`ostree/container/blob/sha256_3A_${hex}`);
});
