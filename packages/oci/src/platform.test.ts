import { expect, test } from 'vitest';
import { digestOf } from './digest.ts';
import type { ImageIndex } from './manifest.ts';
import { mediaTypes } from './media-types.ts';
import { choosePlatform, hostPlatform } from './platform.ts';

function indexOf(...platforms: (string | undefined)[]): ImageIndex {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    annotations: {},
    manifests: platforms.map((text, size) => {
      const [os = '', architecture = '', variant] = text?.split('/') ?? [];
      const platform = { os, architecture, ...(variant !== undefined && { variant }) };
      const descriptor = {
        mediaType: mediaTypes.ociManifest,
        digest: digestOf(Buffer.from(String(size))),
        size,
        annotations: {},
      };
      return text === undefined ? descriptor : { ...descriptor, platform };
    }),
  };
}

test.each([
  ['the same', ['linux/arm64', 'linux/amd64'], 'linux/amd64', 1],
  ['the same variant', ['linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v7', 1],
  ['one without a variant before another variant', ['linux/amd64/v3', 'linux/amd64'], 'linux/amd64', 1],
  ['any variant at last', ['unknown/unknown', 'linux/arm64/v8'], 'linux/arm64', 1],
])('chooses %s', (_what, offered, wanted, position) => {
  const [os = '', architecture = '', variant] = wanted.split('/');
  const chosen = choosePlatform(
    indexOf(...offered),
    { os, architecture, ...(variant !== undefined && { variant }) },
    'x',
  );
  expect(chosen.size).toBe(position);
});

test('says what there is instead', () => {
  const choose = (): unknown =>
    choosePlatform(indexOf('linux/s390x', undefined), { os: 'linux', architecture: 'amd64' }, 'quay.io/os');
  expect(choose).toThrow(
    expect.objectContaining({ code: 'PLATFORM_NOT_FOUND', message: expect.stringContaining('only for linux/s390x') }),
  );
});

test('names this machine as Go does', () => {
  expect(hostPlatform('x64')).toEqual({ os: 'linux', architecture: 'amd64' });
  expect(hostPlatform('ppc64').architecture).toBe('ppc64le');
});
