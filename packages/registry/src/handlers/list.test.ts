// https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
import { digestOf, mediaTypes } from '@varve/oci';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { errorOf, TestRegistry } from '../test-registry.ts';

let registry: TestRegistry;
beforeAll(async () => {
  registry = await TestRegistry.start();
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});

const content = Buffer.from('0123456789');
const digest = digestOf(content);

const catalogBody = z.object({ repositories: z.array(z.string()) });
const indexBody = z.object({ manifests: z.array(z.object({ artifactType: z.string() })) });

describe('lists', () => {
  test('tags in order and in pages', async () => {
    for (const tag of ['b', 'a', 'C', 'a-1']) await registry.pushImage('list/tags', tag, [content]);
    expect(await (await registry.call('GET', 'list/tags/tags/list')).json()).toEqual({
      name: 'list/tags',
      tags: ['C', 'a', 'a-1', 'b'],
    });
    const page = await registry.call('GET', 'list/tags/tags/list?n=2');
    expect(page.headers.get('link')).toBe('</v2/list/tags/tags/list?n=2&last=a>; rel="next"');
    expect(await (await registry.call('GET', 'list/tags/tags/list?n=2&last=a')).json()).toEqual({
      name: 'list/tags',
      tags: ['a-1', 'b'],
    });
    expect(await errorOf(await registry.call('GET', 'list/nothing/tags/list'))).toEqual([404, 'NAME_UNKNOWN']);
  });

  test('repositories', async () => {
    await registry.pushImage('list/z', 'v1', [content]);
    await registry.pushImage('list/z/deeper', 'v1', [content]);
    const { repositories } = catalogBody.parse(await (await registry.call('GET', '_catalog')).json());
    expect(repositories.filter((name) => name.startsWith('list/'))).toEqual(['list/tags', 'list/z', 'list/z/deeper']);
    expect(await (await registry.call('GET', '_catalog?n=1&last=list/z')).json()).toEqual({
      repositories: ['list/z/deeper'],
    });
  });

  test('referrers, with their annotations and a filter', async () => {
    const subjectDigest = await registry.pushImage('list/referrers', 'v1', [content]);
    const subject = { mediaType: mediaTypes.ociManifest, digest: subjectDigest, size: 1 };
    const extra = { subject, artifactType: 'application/spdx+json', annotations: { a: 'b' } };
    const referrer = await registry.imageManifest('list/referrers', [], extra);
    const pushed = await registry.call('PUT', `list/referrers/manifests/${digestOf(Buffer.from(referrer))}`, {
      body: referrer,
      headers: { 'content-type': mediaTypes.ociManifest },
    });
    expect([pushed.status, pushed.headers.get('oci-subject')]).toEqual([201, subjectDigest]);
    const second = await registry.imageManifest('list/referrers', [], { subject });
    await registry.call('PUT', 'list/referrers/manifests/second', {
      body: second,
      headers: { 'content-type': mediaTypes.ociManifest },
    });

    const all = await registry.call('GET', `list/referrers/referrers/${subjectDigest}`);
    expect(all.headers.get('content-type')).toBe(mediaTypes.ociIndex);
    const { manifests } = indexBody.parse(await all.json());
    expect(manifests.map(({ artifactType }) => artifactType).sort()).toEqual([
      'application/spdx+json',
      mediaTypes.ociConfig,
    ]);

    const filtered = await registry.call(
      'GET',
      `list/referrers/referrers/${subjectDigest}?artifactType=application/spdx%2Bjson`,
    );
    expect(filtered.headers.get('oci-filters-applied')).toBe('artifactType');
    const descriptor = {
      mediaType: mediaTypes.ociManifest,
      digest: digestOf(Buffer.from(referrer)),
      size: referrer.length,
      artifactType: 'application/spdx+json',
      annotations: { a: 'b' },
    };
    expect(await filtered.json()).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [descriptor],
    });

    await registry.call('DELETE', `list/referrers/manifests/${descriptor.digest}`);
    expect(
      await (
        await registry.call('GET', `list/referrers/referrers/${subjectDigest}?artifactType=application/spdx%2Bjson`)
      ).json(),
    ).toMatchObject({ manifests: [] });
    expect(await (await registry.call('GET', `list/nowhere/referrers/${digest}`)).json()).toMatchObject({
      manifests: [],
    });
  });
});
