// The rule that nodes and joining hosts share: a CertificateSigningRequest of theirs may ask for a host's client
// certificate and nothing else.
import { certificateSigningRequestResource, kubeletClientSigner, type ResourceDefinition, textAt } from '@varve/api';
import { inspectCertificateRequest, isKubeError } from '@varve/kube';
import type { ApiObject } from '../object.ts';
import { badRequest, forbiddenFor, qualifiedName } from '../status.ts';
import type { Store } from '../store/store.ts';
import { nodesGroup, nodeUserPrefix, type ResourceAttributes, type User } from '../user.ts';

const requestResource = qualifiedName(certificateSigningRequestResource);

/**
 * Throws 403 unless the request is for CN=system:node:<name>, O=system:nodes and the host signer. `commonName` narrows
 * it to one host.
 */
export async function checkHostRequest(
  definition: ResourceDefinition,
  object: ApiObject,
  commonName?: string,
): Promise<void> {
  if (qualifiedName(definition) !== requestResource) return;
  const refuse = (why: string) => forbiddenFor(definition, object.metadata.name ?? '', why);
  const signer = textAt(object, 'spec', 'signerName');
  if (signer !== kubeletClientSigner) throw refuse(`hosts may only ask the signer ${kubeletClientSigner}`);
  const pem = Buffer.from(textAt(object, 'spec', 'request'), 'base64').toString('latin1');
  const request = await inspect(pem);
  if (!request.commonName.startsWith(nodeUserPrefix) || request.commonName === nodeUserPrefix) {
    throw refuse(`the common name must be ${nodeUserPrefix}<name>, not ${JSON.stringify(request.commonName)}`);
  }
  if (commonName !== undefined && request.commonName !== commonName)
    throw refuse(`the common name must be ${commonName}`);
  if (request.organizations.length !== 1 || request.organizations[0] !== nodesGroup) {
    throw refuse(`the only organization must be ${nodesGroup}`);
  }
}

async function inspect(pem: string) {
  try {
    return await inspectCertificateRequest(pem);
  } catch (error) {
    if (isKubeError(error)) throw badRequest(error.message);
    throw error;
  }
}

/** True for a read of one named request that the user made. */
export function readsOwnRequest(store: Store, user: User, attributes: ResourceAttributes): boolean {
  if (qualifiedName({ group: attributes.group, plural: attributes.resource }) !== requestResource) return false;
  if (attributes.name === '' || attributes.subresource !== '' || !['get', 'list', 'watch'].includes(attributes.verb))
    return false;
  const stored = store.get({ resource: requestResource, namespace: '', name: attributes.name });
  return stored !== undefined && textAt(stored.object, 'spec', 'username') === user.name;
}

/** True for the creation of a request, whose content is checked at admission. */
export function createsRequest(attributes: ResourceAttributes): boolean {
  const resource = qualifiedName({ group: attributes.group, plural: attributes.resource });
  return resource === requestResource && attributes.verb === 'create' && attributes.subresource === '';
}
