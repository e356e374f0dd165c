// Which credentials a registry gets: the node's own certificate for the registry that the control plane serves on its
// own address, the host's containers auth files for all others, which are reached as the host's registries.conf says.
import {
  connectImageRegistry,
  type Digest,
  fetchSignatures,
  formatImageReference,
  type ImageReference,
  type ImageRegistry,
  type ImageSignatures,
  type ImageSource,
  parseImageReference,
  RegistryClient,
  type RegistryClientOptions,
  RegistrySource,
  readCredentials,
  readRegistriesConf,
} from '@varve/oci';
import type { Identity } from '../enroll/identity.ts';

/** The reference by digest; a tag is asked for. */
export async function resolveImage(
  image: string,
  identity: Identity | undefined,
  options: RegistryClientOptions | undefined,
  signal: AbortSignal,
): Promise<string> {
  const named = parseImageReference(image);
  await using client = await registryClientFor(named, identity, options);
  const { digest } = named.digest ? { digest: named.digest } : await client.resolve(named, { signal });
  return formatImageReference({ registry: named.registry, repository: named.repository, digest });
}

export async function openRegistryImage(
  reference: ImageReference,
  identity: Identity | undefined,
  options: RegistryClientOptions | undefined,
): Promise<ImageSource> {
  return new RegistrySource(await registryClientFor(reference, identity, options), reference);
}

export async function fetchRegistrySignatures(
  reference: ImageReference,
  digests: readonly Digest[],
  identity: Identity | undefined,
  options: RegistryClientOptions | undefined,
  signal: AbortSignal,
): Promise<ImageSignatures> {
  await using client = await registryClientFor(reference, identity, options);
  return await fetchSignatures(client, reference, digests, { signal });
}

/** The identity is read anew for each image: certificates are renewed. */
export async function registryClientFor(
  reference: ImageReference,
  identity: Identity | undefined,
  options: RegistryClientOptions = {},
): Promise<ImageRegistry> {
  const base = { userAgent: 'varve-agent', ...options };
  if (identity && new URL(identity.server).host === reference.registry) {
    const ca = identity.ca === undefined ? {} : { ca: identity.ca };
    return new RegistryClient({ ...ca, cert: identity.cert, key: identity.key, ...base });
  }
  const files = { environment: process.env };
  const [credentials, registries] = await Promise.all([readCredentials(files), readRegistriesConf(files)]);
  return connectImageRegistry({ credentials, registries, ...base });
}
