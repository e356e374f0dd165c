// A host whose image is named by an index, as images for several architectures are: it is known by that name ever after,
// though what was fetched is the manifest in it.
import type { MachineConfigSpec } from '@varve/api';
import { expect, test } from 'vitest';
import { dataUrl, FixtureHost } from '../../fixtures/host.ts';
import { bootableContent, FixtureRegistry } from '../../fixtures/registry.ts';
import { Signer } from '../../fixtures/signer.ts';

function specOf(osImageURL: string, files: Readonly<Record<string, string>>): MachineConfigSpec {
  const list = Object.entries(files).map(([path, text]) => ({ path, contents: { source: dataUrl(text) } }));
  return { osImageURL, config: { ignition: { version: '3.4.0' }, storage: { files: list } } };
}

test('a host takes an image by its index, and goes on from it without its registry', async () => {
  await using registry = await FixtureRegistry.start();
  await using host = await FixtureHost.create(registry.add(bootableContent('1')));
  const index = registry.addIndex(registry.add(bootableContent('2')));
  await host.desire('index', 'Applied', specOf(index, { '/etc/a': '1' }));
  await host.converge('index');
  const { booted } = await host.status();
  expect(booted).toMatchObject({ image: index, imageDigest: index.split('@')[1], applied: { image: index } });

  // Neither another config nor a policy that refuses what runs asks for the image again.
  registry.down = true;
  const policy = new Signer().policyFor(registry.host);
  await host.desire('policy', 'Applied', specOf(index, { '/etc/a': '2', '/etc/containers/policy.json': policy }));
  await host.converge('policy');
  expect({ failures: host.failures, image: (await host.status()).booted.image }).toEqual({
    failures: [],
    image: index,
  });
});
