import { describe, expect, test } from 'vitest';
import { formatImageSource, parseImageSource } from './location.ts';

describe('parseImageSource', () => {
  test.each([
    ['oci:/a/b', { transport: 'oci', path: '/a/b' }],
    ['oci:a/b:v1', { transport: 'oci', path: 'a/b', name: 'v1' }],
    ['oci:a:localhost:5000/x:v1', { transport: 'oci', path: 'a', name: 'localhost:5000/x:v1' }],
    ['oci-archive:/a.tar:v1', { transport: 'oci-archive', path: '/a.tar', name: 'v1' }],
    ['docker-archive:/a.tar', { transport: 'docker-archive', path: '/a.tar' }],
    ['docker-archive:/a.tar:x:v1', { transport: 'docker-archive', path: '/a.tar', name: 'x:v1' }],
    ['docker-archive:/a.tar:@1', { transport: 'docker-archive', path: '/a.tar', name: '@1' }],
    ['dir:/a:b', { transport: 'dir', path: '/a:b' }],
  ])('%s', (text, expected) => {
    expect(parseImageSource(text)).toEqual(expected);
    expect(formatImageSource(parseImageSource(text))).toBe(text);
  });

  test.each(['docker://localhost:5000/x:v1', 'localhost:5000/x:v1'])('%s is in a registry', (text) => {
    expect(parseImageSource(text)).toEqual({
      transport: 'registry',
      reference: { registry: 'localhost:5000', repository: 'x', tag: 'v1' },
    });
    expect(formatImageSource(parseImageSource(text))).toBe('localhost:5000/x:v1');
  });

  test.each(['oci:', 'oci:a:', 'dir:', 'oci-archive::v1', 'docker-archive:a\0b', 'docker://', 'http://x/y'])(
    '%s is refused',
    (text) => {
      expect(() => parseImageSource(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }));
    },
  );
});
