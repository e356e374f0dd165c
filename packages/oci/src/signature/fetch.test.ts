// What of a registry's answers counts as a signature. Against real ones: packages/registry.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RegistryClient } from '../client/registry-client.ts';
import type { Digest } from '../digest.ts';
import { mediaTypes } from '../media-types.ts';
import { fetchSignatures } from './fetch.ts';
import { imageSignaturesSchema, type SignatureAttachment } from './signatures.ts';
import { attachments, base64 } from './testing/sign.ts';
import { distinct, StaticRegistry } from './testing/static-registry.ts';

let registry: StaticRegistry;
let client: RegistryClient;
let image: Digest;
beforeEach(async () => {
  registry = await StaticRegistry.start();
  client = new RegistryClient({ insecure: true, retry: { attempts: 2, firstDelay: 1 } });
  image = registry.image('v1');
});
afterEach(async () => {
  await client.close();
  await registry[Symbol.asyncDispose]();
});

async function fetched(...digests: Digest[]) {
  const reference = { registry: registry.host, repository: 'os', tag: 'v1' };
  const signatures = await fetchSignatures(client, reference, digests.length === 0 ? [image] : digests);
  // It must pass where it goes to.
  expect(imageSignaturesSchema.parse(signatures)).toEqual(signatures);
  return signatures;
}

const attachment = (name: string): SignatureAttachment => ({ payload: base64(name), signature: base64(`by ${name}`) });

test('an image without any', async () => {
  expect(await fetched()).toEqual({ attachments: [], bundles: [] });
});

test('attachments with all that belongs to them, of each digest', async () => {
  const other = registry.image('v2');
  const full = { ...attachment('a'), certificate: 'C', chain: 'D', rekorBundle: '{}' };
  registry.attach(image, attachments(full, attachment('b')));
  registry.attach(other, attachments(attachment('c')));
  expect((await fetched()).attachments).toEqual([full, attachment('b')]);
  expect((await fetched(image, other, image)).attachments).toEqual([full, attachment('b'), attachment('c')]);
});

test('layers of another type, or without a signature, are none', async () => {
  const config = registry.blob('{}', mediaTypes.ociConfig);
  const layers = [
    registry.blob('a', mediaTypes.ociLayer, { 'dev.cosignproject.cosign/signature': 'x' }),
    registry.blob('b', 'application/vnd.dev.cosign.simplesigning.v1+json'),
  ];
  registry.manifest({ config, layers }, `sha256-${image.slice(7)}.sig`);
  expect(await fetched()).toEqual({ attachments: [], bundles: [] });
});

/** Has the registry give something else for these contents, or nothing. */
function damage(content: string, instead?: string): void {
  const { digest } = registry.blob(content, '');
  if (instead === undefined) registry.blobs.delete(digest);
  else registry.blobs.set(digest, Buffer.from(instead));
}

test.each([
  ['other content of that size', 'x', 'and is sha256:'],
  ['content of another size', 'xyz', 'has more than that'],
  ['nothing', undefined, 'blob'],
])('a layer with %s is left out, and remembered', async (_name, instead, reason) => {
  registry.attach(image, attachments(attachment('a'), attachment('b'), attachment('c')));
  damage('b', instead);
  const { attachments: found, damaged } = await fetched();
  expect(found).toEqual([attachment('a'), attachment('c')]);
  expect(damaged).toEqual([expect.stringContaining(`layer 2 of sha256-${image.slice(7)}.sig: `)]);
  expect(damaged?.[0]).toContain(reason);
});

test('a list of attachments that is none leaves the bundles as they are', async () => {
  registry.manifest({ layers: 'none' }, `sha256-${image.slice(7)}.sig`);
  registry.referrers = new Map([[image, [registry.bundleManifest(image, distinct(1))]]]);
  const { attachments: found, bundles, damaged } = await fetched();
  expect([found, bundles]).toEqual([[], [distinct(1)]]);
  expect(damaged).toEqual([expect.stringContaining(`sha256-${image.slice(7)}.sig: `)]);
});

test('of any number of damaged ones a bounded number is remembered', async () => {
  const names = Array.from({ length: 20 }, (_, number) => `damaged ${number}`);
  registry.attach(image, attachments(...names.map(attachment), attachment('good')));
  for (const name of names) damage(name);
  const { attachments: found, damaged } = await fetched();
  expect(found).toEqual([attachment('good')]);
  expect(damaged).toHaveLength(8);
});

test('a registry that does not answer is no damage', async () => {
  registry.attach(image, attachments(attachment('a'), attachment('b')));
  registry.failing.add(registry.blob('a', '').digest);
  await expect(fetched()).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
});

test('bundles by the list of referrers, page by page', async () => {
  registry.pageSize = 2;
  registry.referrers = new Map([
    [image, [1, 2, 3, 4, 5].map((number) => registry.bundleManifest(image, distinct(number)))],
  ]);
  expect((await fetched()).bundles).toEqual([1, 2, 3, 4, 5].map(distinct));
});

test('bundles by the tag that clients keep, where entries tell no type or a wrong one', async () => {
  const artifactType = 'application/vnd.oci.empty.v1+json';
  const { artifactType: _, ...bare } = registry.bundleManifest(image, distinct(2));
  const manifests = [{ ...registry.bundleManifest(image, distinct(1)), artifactType }, bare];
  registry.manifest({ manifests }, `sha256-${image.slice(7)}`, mediaTypes.ociIndex);
  expect((await fetched()).bundles).toEqual([1, 2].map(distinct));
});

test('what else refers to an image is left out, and what is damaged', async () => {
  const gone = registry.bundleManifest(image, distinct(1));
  registry.manifests.delete(gone.digest);
  const broken = registry.bundleManifest(image, distinct(2));
  registry.manifests.set(broken.digest, { type: mediaTypes.ociManifest, bytes: Buffer.from('{}') });
  const attestation = { 'dev.sigstore.bundle.predicateType': 'https://spdx.dev/Document' };
  const layer = (type: string) => [registry.blob('x', type)];
  const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
  registry.referrers = new Map([
    [
      image,
      [
        gone,
        broken,
        { ...registry.bundleManifest(image, distinct(3)), artifactType: 'application/spdx+json' },
        registry.bundleManifest(image, distinct(4), { annotations: attestation }),
        registry.bundleManifest(image, distinct(5), { layers: [...layer(bundleType), ...layer(bundleType)] }),
        registry.bundleManifest(image, distinct(6), { layers: layer('application/spdx+json') }),
        registry.bundleManifest(registry.image('other'), distinct(7)),
        registry.bundleManifest(image, 'x'.repeat(200_000)),
        registry.bundleManifest(image, distinct(8)),
      ],
    ],
  ]);
  const { bundles, damaged } = await fetched();
  expect(bundles).toEqual([distinct(8)]);
  expect(damaged).toEqual([gone, broken].map(({ digest }) => expect.stringContaining(`referrer ${digest}: `)));
});

test('there may be any number: a bounded one is taken', async () => {
  const many = Array.from({ length: 40 }, (_, number) => number);
  registry.attach(image, attachments(...many.map((number) => attachment(`${number}`))));
  registry.referrers = new Map([[image, many.map((number) => registry.bundleManifest(image, distinct(number)))]]);
  const { attachments: found, bundles } = await fetched();
  expect([found.length, bundles.length]).toEqual([32, 32]);
});

test('no payload is fetched that is too long to count, however many there are', async () => {
  // In base64 it is a third longer.
  registry.attach(image, attachments({ payload: Buffer.alloc(100_000).toString('base64'), signature: base64('by a') }));
  for (const digest of registry.blobs.keys()) registry.blobs.set(digest, Buffer.from('not asked for'));
  expect(await fetched()).toEqual({ attachments: [], bundles: [] });
});

test('all together are not more than fit into a message', async () => {
  const large = Array.from({ length: 32 }, (_, number) => registry.bundleManifest(image, `${number}`.repeat(60_000)));
  registry.referrers = new Map([[image, large]]);
  const found = await fetched();
  expect(found.bundles.length).toBeGreaterThan(10);
  expect(JSON.stringify(found).length).toBeLessThanOrEqual(2 * 1024 * 1024);
});
