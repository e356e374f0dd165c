import { describe, expect, test } from 'vitest';
import { digestOf } from '../digest.ts';
import type { Descriptor } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';
import { chunkedAnnotations, chunkedLocation, withoutChunkedAnnotations } from './annotations.ts';

const digest = digestOf(Buffer.from('table'));
const prefix = 'io.github.containers.zstd-chunked.';
const good: Record<string, string> = {
  [`${prefix}manifest-checksum`]: digest,
  [`${prefix}manifest-position`]: '1000:200:900:1',
  [`${prefix}tarsplit-position`]: '1208:100:5000',
};
const location = {
  toc: { offset: 1000, length: 200, uncompressedLength: 900, digest },
  tarSplit: { offset: 1208, length: 100, uncompressedLength: 5000 },
};

function layer(annotations?: Record<string, string>): Descriptor {
  return { mediaType: mediaTypes.ociLayerZstd, digest, size: 1400, ...(annotations && { annotations }) };
}

describe('chunkedLocation', () => {
  test('is what the annotations say, and the other way round', () => {
    expect(chunkedLocation(layer(good))).toEqual(location);
    expect(chunkedAnnotations(location)).toEqual(good);
  });

  test('knows the prefix of Debian 12, and layers without tar-split', () => {
    const old = {
      'io.containers.zstd-chunked.manifest-checksum': digest,
      'io.containers.zstd-chunked.manifest-position': '1000:200:900:1',
    };
    expect(chunkedLocation(layer(old))).toEqual({ toc: location.toc });
  });

  test.each([
    ['no annotations', undefined],
    ['other annotations', { a: 'b' }],
    ['a second table, of eStargz', { ...good, 'containerd.io/snapshot/stargz/toc.digest': digest }],
    ['a table of 100 MB', { ...good, [`${prefix}manifest-position`]: '1000:200:100000000:1' }],
  ])('is none for %s', (_what, annotations) => {
    expect(chunkedLocation(layer(annotations))).toBeUndefined();
  });

  test.each([
    ['no position', `${prefix}manifest-position`, undefined],
    ['a position that is none', `${prefix}manifest-position`, '1000:200:900'],
    ['hexadecimal', `${prefix}manifest-position`, '0x3e8:200:900:1'],
    ['a negative offset', `${prefix}manifest-position`, '-1:200:900:1'],
    ['an offset that no number holds', `${prefix}manifest-position`, '99999999999999999999:200:900:1'],
    ['another type', `${prefix}manifest-position`, '1000:200:900:2'],
    ['a table of no bytes', `${prefix}manifest-position`, '1000:0:0:1'],
    ['a table behind the end', `${prefix}manifest-position`, '1000:401:900:1'],
    ['headers behind the end', `${prefix}tarsplit-position`, '1400:1:5000'],
    ['headers nowhere', `${prefix}tarsplit-position`, ''],
  ])('refuses %s', (_what, key, value) => {
    const { [key]: _old, ...rest } = good;
    const annotations = value === undefined ? rest : { ...rest, [key]: value };
    expect(() => chunkedLocation(layer(annotations))).toThrow(expect.objectContaining({ code: 'TOC_INVALID' }));
  });

  test('refuses what is no digest', () => {
    const annotations = { ...good, [`${prefix}manifest-checksum`]: '../x' };
    expect(() => chunkedLocation(layer(annotations))).toThrow(expect.objectContaining({ code: 'DIGEST_MALFORMED' }));
  });
});

test('annotations of another blob are left behind, others stay', () => {
  expect(withoutChunkedAnnotations({ ...good, a: 'b', 'containerd.io/snapshot/stargz/toc.digest': digest })).toEqual({
    a: 'b',
  });
});
