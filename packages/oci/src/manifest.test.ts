import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from './digest.ts';
import { isImageIndex, maximumManifestSize, parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';

const digest = digestOf(new Uint8Array());
const config = { mediaType: mediaTypes.ociConfig, digest, size: 2 };
const layer = { mediaType: mediaTypes.ociLayerGzip, digest, size: 0 };
const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
const index = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [{ mediaType: mediaTypes.ociManifest, digest, size: 5 }],
};

function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

describe('parseManifest', () => {
  test('reads manifests and indexes, OCI and Docker', () => {
    expect(parseManifest(bytesOf(manifest), mediaTypes.ociManifest)).toMatchObject(manifest);
    expect(isImageIndex(parseManifest(bytesOf(index), mediaTypes.ociIndex))).toBe(true);
    const docker = { ...manifest, mediaType: mediaTypes.dockerManifest };
    expect(parseManifest(bytesOf(docker), mediaTypes.dockerManifest)).toMatchObject(docker);
    const list = { ...index, mediaType: mediaTypes.dockerIndex };
    expect(parseManifest(bytesOf(list))).toMatchObject(list);
  });

  test('takes the type from the shape where an OCI document does not tell', () => {
    const { mediaType: _m, ...bareManifest } = manifest;
    const { mediaType: _i, ...bareIndex } = index;
    expect(parseManifest(bytesOf(bareManifest)).mediaType).toBe(mediaTypes.ociManifest);
    expect(parseManifest(bytesOf(bareIndex)).mediaType).toBe(mediaTypes.ociIndex);
    expect(parseManifest(bytesOf(bareManifest), `${mediaTypes.ociManifest}; charset=utf-8`).mediaType).toBe(
      mediaTypes.ociManifest,
    );
  });

  test('keeps annotations, platform, subject and artifact type, and takes null annotations as none', () => {
    const subject = { mediaType: mediaTypes.ociManifest, digest, size: 1 };
    const parsed = parseManifest(bytesOf({ ...manifest, annotations: null, artifactType: 'text/x', subject }));
    expect(parsed).toMatchObject({ annotations: {}, artifactType: 'text/x', subject });
  });

  test.each([
    ['no JSON', Buffer.from('{')],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['an array', bytesOf([])],
    ['null', bytesOf(null)],
    ['both at once (CVE-2021-41190)', bytesOf({ ...manifest, ...index, mediaType: undefined })],
    ['an index with a config', bytesOf({ ...index, config })],
    ['schema version 1', bytesOf({ ...manifest, schemaVersion: 1 })],
    ['an unknown type', bytesOf({ ...manifest, mediaType: 'application/json' })],
    ['a type that is not text', bytesOf({ ...manifest, mediaType: 5 })],
    ['a digest that is a path', bytesOf({ ...manifest, config: { ...config, digest: 'sha256:../../x' } })],
    ['a negative size', bytesOf({ ...manifest, config: { ...config, size: -1 } })],
    ['a fraction as size', bytesOf({ ...manifest, layers: [{ ...layer, size: 0.5 }] })],
    ['a size beyond 2^53', Buffer.from(JSON.stringify(manifest).replace('"size":0', '"size":9007199254740993'))],
    ['no layers', bytesOf({ ...manifest, layers: undefined })],
    ['no config', bytesOf({ ...manifest, config: undefined })],
    ['too many layers', bytesOf({ ...manifest, layers: Array.from({ length: 5000 }, () => layer) })],
    ['annotations that are not text', bytesOf({ ...manifest, annotations: { a: 1 } })],
    ['too many bytes', Buffer.alloc(maximumManifestSize + 1, ' ')],
    [
      'a Docker manifest that does not say so',
      bytesOf({ ...manifest, mediaType: undefined }),
      mediaTypes.dockerManifest,
    ],
    ['another type than was announced', bytesOf(manifest), mediaTypes.dockerManifest],
    ['an index announced as a manifest', bytesOf({ ...index, mediaType: undefined }), mediaTypes.ociManifest],
  ])('refuses %s', (_what, bytes, announced?: string) => {
    expect(() => parseManifest(bytes, announced)).toThrow(expect.objectContaining({ code: 'IMAGE_MANIFEST_INVALID' }));
  });

  test('names the field that is wrong', () => {
    expect(() => parseManifest(bytesOf({ ...manifest, layers: [layer, { ...layer, size: -1 }] }))).toThrow(
      /layers\.1\.size/,
    );
  });

  test('throws nothing else for any JSON', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom(undefined, mediaTypes.ociManifest, mediaTypes.ociIndex),
        (value, type) => {
          const document = typeof value === 'object' ? { ...manifest, ...value } : value;
          try {
            parseManifest(bytesOf(document), type);
          } catch (error) {
            expect(error).toMatchObject({ code: 'IMAGE_MANIFEST_INVALID' });
          }
        },
      ),
    );
  });
});
