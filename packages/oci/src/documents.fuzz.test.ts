// Every parser of small documents and headers, against damage: what it returns, or an error with a code.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunkedLocation } from './chunked/annotations.ts';
import { parseChallenges } from './client/challenge.ts';
import { findEntry, parseAuthFile } from './credentials/auth-file.ts';
import { digestOf } from './digest.ts';
import { parseImageConfig } from './image-config.ts';
import { parseManifest } from './manifest.ts';
import { mediaTypes } from './media-types.ts';
import { parseContentRange } from './ranges/content-range.ts';
import { parseImageReference } from './reference.ts';
import { changes, damage, fuzzRuns } from './testing/fuzz.ts';
import { parseImageSource } from './transports/location.ts';

const digest = digestOf(Buffer.from('x'));
const descriptor = { mediaType: mediaTypes.ociLayer, digest, size: 5000, annotations: { a: 'b' } };
const prefix = 'io.github.containers.zstd-chunked.';

const parsers: [name: string, good: string, parse: (text: string) => unknown][] = [
  [
    'a manifest',
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: descriptor, layers: [descriptor] }),
    (text) => parseManifest(Buffer.from(text)),
  ],
  [
    'an index',
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [{ ...descriptor, platform: { os: 'linux', architecture: 'arm' } }],
    }),
    (text) => parseManifest(Buffer.from(text), mediaTypes.ociIndex),
  ],
  [
    'a configuration',
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { a: 'b' } },
      rootfs: { type: 'layers', diff_ids: [digest] },
      history: [{ empty_layer: true }],
    }),
    (text) => parseImageConfig(Buffer.from(text)),
  ],
  [
    'a file of credentials',
    JSON.stringify({
      auths: { 'a.b/c': { auth: 'YTpi' }, 'https://d.e/v1/': { identitytoken: 'x' } },
      credHelpers: {},
    }),
    (text) => ['a.b', 'd.e'].map((registry) => findEntry(parseAuthFile(text, 'auth.json'), registry, 'c/d')),
  ],
  ['a reference', `localhost:5000/a/b-c.d:v1@${digest}`, parseImageReference],
  ['a source', 'oci-archive:/a/b.tar:v1', parseImageSource],
  [
    'a challenge',
    'Bearer realm="https://a.example/token",service="x y", scope=pull, Basic realm=z',
    (text) => parseChallenges([text]),
  ],
  ['a range', 'bytes 10-20/30', parseContentRange],
  [
    'a position',
    '1000:200:900:1',
    (text) =>
      chunkedLocation({
        ...descriptor,
        annotations: { [`${prefix}manifest-checksum`]: digest, [`${prefix}manifest-position`]: text },
      }),
  ],
];

test.each(parsers)('%s', (_name, good, parse) => {
  expect(() => parse(good)).not.toThrow();
  fc.assert(
    fc.property(changes, (all) => {
      try {
        parse(damage(good, all));
      } catch (error) {
        expect(error).toMatchObject({ name: 'OciError' });
      }
    }),
    { numRuns: fuzzRuns(1000) },
  );
});

test('a manifest of 10,000 layers is refused, and at once', () => {
  const layers = Array.from({ length: 10_000 }, () => descriptor);
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: descriptor, layers }),
  );
  const before = performance.now();
  expect(() => parseManifest(bytes)).toThrow(expect.objectContaining({ code: 'IMAGE_MANIFEST_INVALID' }));
  expect(performance.now() - before).toBeLessThan(5000);
});
