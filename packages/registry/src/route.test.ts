import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RegistryError } from './error.ts';
import { parseRoute } from './route.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const uuid = '01234567-89ab-cdef-0123-456789abcdef';

test.each([
  ['', { kind: 'base' }],
  ['_catalog', { kind: 'catalog' }],
  ['a/tags/list', { kind: 'tags', repository: 'a' }],
  ['a/b/c/manifests/v1', { kind: 'manifest', repository: 'a/b/c', reference: 'v1' }],
  [`a/manifests/${digest}`, { kind: 'manifest', repository: 'a', reference: digest }],
  [`a/blobs/${digest}`, { kind: 'blob', repository: 'a', digest }],
  ['a/blobs/uploads/', { kind: 'uploads', repository: 'a' }],
  ['a/blobs/uploads', { kind: 'uploads', repository: 'a' }],
  [`a/blobs/uploads/${uuid}`, { kind: 'upload', repository: 'a', id: uuid }],
  [`a/referrers/${digest}`, { kind: 'referrers', repository: 'a', digest }],
  // Names that look like ours are names.
  ['manifests/manifests/tags', { kind: 'manifest', repository: 'manifests', reference: 'tags' }],
  ['a/tags/list/tags/list', { kind: 'tags', repository: 'a/tags/list' }],
  [`a/blobs/uploads/blobs/${digest}`, { kind: 'blob', repository: 'a/blobs/uploads', digest }],
])('reads %j', (path, expected) => {
  expect(parseRoute(path)).toEqual(expected);
});

test.each([
  ['a'],
  ['a/tags'],
  ['tags/list'],
  ['a/manifests/'],
  ['_catalog/x'],
  ['a/blobs/uploads/x/y'],
  ['a/unknown/x'],
])('knows no %j', (path) => {
  expect(parseRoute(path)).toBeUndefined();
});

test.each([
  ['../tags/list', 'NAME_INVALID'],
  ['a/../../b/tags/list', 'NAME_INVALID'],
  ['/a/tags/list', 'NAME_INVALID'],
  ['a//b/tags/list', 'NAME_INVALID'],
  ['A/tags/list', 'NAME_INVALID'],
  ['_blobs/tags/list', 'NAME_INVALID'],
  ['a/_manifests/tags/list', 'NAME_INVALID'],
  ['a\0/tags/list', 'NAME_INVALID'],
  ['a\n/tags/list', 'NAME_INVALID'],
  [`${'a'.repeat(256)}/tags/list`, 'NAME_INVALID'],
  ['a/manifests/..', 'MANIFEST_UNKNOWN'],
  ['a/manifests/.hidden', 'MANIFEST_UNKNOWN'],
  ['a/manifests/v1\n', 'MANIFEST_UNKNOWN'],
  [`a/manifests/${'a'.repeat(129)}`, 'MANIFEST_UNKNOWN'],
  ['a/manifests/sha256:abc', 'DIGEST_INVALID'],
  ['a/blobs/sha256:..', 'DIGEST_INVALID'],
  [`a/blobs/sha512:${'ab'.repeat(64)}`, 'DIGEST_INVALID'],
  ['a/blobs/uploads/..', 'BLOB_UPLOAD_UNKNOWN'],
  [`a/blobs/uploads/${uuid}x`, 'BLOB_UPLOAD_UNKNOWN'],
  [`a/blobs/uploads/${uuid.toUpperCase()}`, 'BLOB_UPLOAD_UNKNOWN'],
  ['a/referrers/x', 'DIGEST_INVALID'],
])('refuses %j with %s', (path, code) => {
  expect(() => parseRoute(path)).toThrow(expect.objectContaining({ code }));
});

test('lets no climbing path through, whatever is sent', () => {
  const part = fc.constantFrom(
    '..',
    '.',
    '',
    '/',
    'a',
    '_blobs',
    'blobs',
    'manifests',
    'tags',
    'list',
    'uploads',
    'referrers',
    digest,
    uuid,
    '\0',
    '%2e',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      try {
        const route = parseRoute(parts.join('/'));
        for (const value of Object.values(route ?? {})) expect(value.split('/')).not.toContain('..');
        if (route !== undefined && 'repository' in route) expect(route.repository).toMatch(/^[a-z0-9][a-z0-9./_-]*$/);
      } catch (error) {
        expect(error).toBeInstanceOf(RegistryError);
      }
    }),
    { numRuns: 1000 },
  );
});
