// The images that tests boot and roll out: the Debian base of packages/build and the example on top of it, in a registry of
// the test. What is slow, the base and buildah's layers, stays in the cache between runs, where the
// quickstart has it too.
import { join } from 'node:path';
import { type BuiltImage, buildDebianBase, buildImage, type DebianBase } from '@varve/build';
import { parseImageReference } from '@varve/oci';
import { TestRegistry } from '../packages/registry/src/test-registry.ts';

const example = join(import.meta.dirname, '../examples/ansible-firewall');
export const imageCache = '/var/cache/varve';

export interface OsImages extends AsyncDisposable {
  readonly registry: TestRegistry;
  readonly base: DebianBase;
  readonly firewall: BuiltImage;
}

export async function buildOsImages(): Promise<OsImages> {
  const registry = await TestRegistry.start();
  try {
    const base = await buildDebianBase({
      cacheDirectory: imageCache,
      destination: { reference: parseImageReference(`${registry.host}/os/base:latest`), tlsVerify: false },
    });
    const firewall = await buildFirewall(registry, base);
    return { registry, base, firewall, [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose]() };
  } catch (error) {
    await registry[Symbol.asyncDispose]();
    throw error;
  }
}

/** Builds examples/ansible-firewall on the base. */
export async function buildFirewall(registry: TestRegistry, base: DebianBase): Promise<BuiltImage> {
  return buildImage({
    containerfile: join(example, 'Containerfile'),
    context: example,
    destination: { reference: parseImageReference(`${registry.host}/os/firewall:latest`), tlsVerify: false },
    buildArguments: { BASE: base.reference ?? '' },
    tlsVerify: false,
    storageDirectory: join(imageCache, 'build'),
  });
}
