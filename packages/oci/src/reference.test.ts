import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDigest } from './digest.ts';
import { formatImageReference, isRepositoryName, parseImageReference } from './reference.ts';

const digest = parseDigest(`sha256:${'ab'.repeat(32)}`);

describe('parseImageReference', () => {
  test.each([
    ['debian', { registry: 'docker.io', repository: 'library/debian', tag: 'latest' }],
    ['debian:12', { registry: 'docker.io', repository: 'library/debian', tag: '12' }],
    ['coreos/etcd', { registry: 'docker.io', repository: 'coreos/etcd', tag: 'latest' }],
    ['docker.io/debian', { registry: 'docker.io', repository: 'library/debian', tag: 'latest' }],
    ['index.docker.io/library/debian', { registry: 'docker.io', repository: 'library/debian', tag: 'latest' }],
    ['quay.io/a/b/c:v1', { registry: 'quay.io', repository: 'a/b/c', tag: 'v1' }],
    ['localhost/x', { registry: 'localhost', repository: 'x', tag: 'latest' }],
    ['localhost:5000/x:t', { registry: 'localhost:5000', repository: 'x', tag: 't' }],
    ['[::1]:5000/x', { registry: '[::1]:5000', repository: 'x', tag: 'latest' }],
    ['[fd00::1]/x:1', { registry: '[fd00::1]', repository: 'x', tag: '1' }],
    ['HOST/x', { registry: 'HOST', repository: 'x', tag: 'latest' }],
    [`a.b/c@${digest}`, { registry: 'a.b', repository: 'c', digest }],
    [`a.b/c:t@${digest}`, { registry: 'a.b', repository: 'c', tag: 't', digest }],
    ['a.b/c__d--e.f_g', { registry: 'a.b', repository: 'c__d--e.f_g', tag: 'latest' }],
  ])('reads %s', (text, expected) => {
    expect(parseImageReference(text)).toEqual(expected);
  });

  test.each([
    ['nothing', ''],
    ['only a registry', 'localhost:5000/'],
    ['upper case', 'quay.io/Debian'],
    ['a scheme', 'https://quay.io/debian'],
    ['a transport', 'docker://quay.io/debian'],
    ['an empty tag', 'debian:'],
    ['a tag with a slash behind', 'debian:1/2:x:y'],
    ['a path that climbs', 'quay.io/../etc'],
    ['a dot as a part', 'quay.io/a/./b'],
    ['two slashes', 'quay.io//a'],
    ['a short digest', 'debian@sha256:abc'],
    ['two digests', `debian@${digest}@${digest}`],
    ['a space', 'quay.io/a b'],
    ['a line break', 'quay.io/a\n'],
    ['a port out of range', 'quay.io:99999/a'],
    ['port 0', 'quay.io:0/a'],
    ['a user', 'user@quay.io/a'],
    ['a query', 'quay.io/a?b=c'],
    ['a repository of 256 characters', `quay.io/${'a'.repeat(256)}`],
    ['a tag of 129 characters', `quay.io/a:${'a'.repeat(129)}`],
    ['a novel', 'a'.repeat(100_000)],
  ])('refuses %s', (_what, text) => {
    expect(() => parseImageReference(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }));
  });

  test('gives back what formatImageReference wrote', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,8})?$/);
    const reference = fc.record(
      {
        registry: fc.constantFrom('docker.io', 'quay.io', 'localhost', 'localhost:5000', '127.0.0.1:443', '[::1]:80'),
        repository: fc.array(part, { minLength: 2, maxLength: 4 }).map((parts) => parts.join('/')),
        tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/),
        digest: fc.constant(digest),
      },
      { requiredKeys: ['registry', 'repository', 'tag'] },
    );
    fc.assert(
      fc.property(reference, (value) => {
        expect(parseImageReference(formatImageReference(value))).toEqual(value);
      }),
    );
  });

  test('is quick and throws nothing else for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9.:@/_-]{0,80}$/)), (text) => {
        try {
          const parsed = parseImageReference(text);
          expect(isRepositoryName(parsed.repository)).toBe(true);
          expect(parseImageReference(formatImageReference(parsed))).toEqual(parsed);
        } catch (error) {
          expect(error).toMatchObject({ code: 'REFERENCE_INVALID' });
        }
      }),
    );
  });

  test('does not hang on what makes careless patterns backtrack', () => {
    const start = process.cpuUsage().user;
    expect(isRepositoryName(`${'a-'.repeat(127)}!`)).toBe(false);
    expect(() => parseImageReference(`${'a.'.repeat(500)}!/x`)).toThrow();
    expect(process.cpuUsage().user - start).toBeLessThan(1_000_000);
  });
});
