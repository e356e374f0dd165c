// Which credentials a registry gets: the node's own certificate for the registry that the control plane serves on its
// own address, the host's containers auth files for all others.
import { type ImageReference, RegistryClient, type RegistryClientOptions, readCredentials } from '@varve/oci';
import type { Identity } from '../../enroll/identity.ts';

/** The identity is read anew for each image: certificates are renewed. */
export async function registryClientFor(
  reference: ImageReference,
  identity: Identity | undefined,
  options: RegistryClientOptions = {},
): Promise<RegistryClient> {
  const base = { userAgent: 'varve-agent', ...options };
  if (identity && new URL(identity.server).host === reference.registry) {
    const ca = identity.ca === undefined ? {} : { ca: identity.ca };
    return new RegistryClient({ ...ca, cert: identity.cert, key: identity.key, ...base });
  }
  return new RegistryClient({ credentials: await readCredentials({ environment: process.env }), ...base });
}
