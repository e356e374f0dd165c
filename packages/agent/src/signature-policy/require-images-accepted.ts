// Holds an image to a signature policy before the first byte of a layer is fetched. What the registry is asked for comes
// from a side that is not trusted: it can withhold signatures, and not make any.
import { extensionsImageOf } from '@varve/api';
import {
  type ImageDocuments,
  type ImageReference,
  OciError,
  parseImageReference,
  type SignaturePolicy,
  verifySignatures,
} from '@varve/oci';
import type { HostState } from '../driver/driver.ts';
import { targetImage } from '../driver/target-image.ts';
import type { VerifiedTarget } from '../helper/verify.ts';
import type { Network } from '../network/network.ts';
import { type PolicyInForce, type PolicyOrigin, policyInForce } from './policy-in-force.ts';

/** Of an image its manifest's digest is asked for, and nothing else. */
type AskedNetwork = Pick<Network, 'fetchSignatures'> & {
  openImage(reference: ImageReference, signal: AbortSignal): Promise<AskedImage>;
};

interface AskedImage extends AsyncDisposable {
  getImage(options: { signal: AbortSignal }): Promise<Pick<ImageDocuments, 'manifestDigest'>>;
}

type BootedHost = Pick<HostState, 'booted'>;

export interface AcceptanceOptions extends PolicyOrigin {
  readonly target: VerifiedTarget;
  readonly host: BootedHost;
  readonly network: AskedNetwork;
}

/**
 * Holds the target's images to the signature policy, and gives `acceptanceOf` them. The image that runs is not held to it
 * again: a host whose image a new policy refuses must be able to take that policy. Throws SIGNATURE_REJECTED and
 * SIGNATURE_POLICY_INVALID (of @varve/oci), and what the network throws.
 */
export async function requireImagesAccepted(options: AcceptanceOptions): Promise<string | undefined> {
  const { target, host, network, signal } = options;
  const inForce = await policyInForce(options);
  if (!inForce) return undefined;
  const image = targetImage(target, host);
  if (!isRunning(image, host)) await requireAccepted(image, inForce.policy, network, signal);
  const extensions = extensionsImageOf(target.spec);
  if (extensions !== undefined) await requireAccepted(extensions, inForce.policy, network, signal);
  return acceptanceOf(inForce, image, host);
}

/**
 * By what an image is good: the digest of the policy, and whether it was not asked because the image runs; undefined without
 * a policy. What was accepted by something else must be asked about again: a host may have gone back to another image.
 */
export function acceptanceOf(inForce: PolicyInForce | undefined, image: string, host: BootedHost): string | undefined {
  return inForce && (isRunning(image, host) ? `${inForce.digest} (runs)` : inForce.digest);
}

function isRunning(image: string, { booted }: BootedHost): boolean {
  const { digest } = parseImageReference(image);
  return digest !== undefined && digest === booted.imageDigest;
}

/** `image` by digest. */
async function requireAccepted(
  image: string,
  policy: SignaturePolicy,
  network: AskedNetwork,
  signal: AbortSignal,
): Promise<void> {
  const reference = parseImageReference(image);
  if (needsNoSignature(policy, reference)) return;
  const manifestDigest = await digestOfManifest(network, reference, signal);
  const { digest } = reference;
  const index = digest !== undefined && digest !== manifestDigest ? { indexDigest: digest } : {};
  const digests = [manifestDigest, ...Object.values(index)];
  const signatures = await network.fetchSignatures(reference, digests, signal);
  verifySignatures({ policy, reference, manifestDigest, ...index, signatures });
}

/** Most policies are about some registries only; an image of another one needs no question to anybody. */
function needsNoSignature(policy: SignaturePolicy, reference: ImageReference): boolean {
  if (reference.digest === undefined) return false;
  const signatures = { attachments: [], bundles: [] };
  try {
    verifySignatures({ policy, reference, manifestDigest: reference.digest, signatures });
    return true;
  } catch (error) {
    if (error instanceof OciError && error.code === 'SIGNATURE_REJECTED') return false;
    throw error;
  }
}

/** Of this machine's image in an index, which was found there by its digest. */
async function digestOfManifest(network: AskedNetwork, reference: ImageReference, signal: AbortSignal) {
  await using source = await network.openImage(reference, signal);
  return (await source.getImage({ signal })).manifestDigest;
}
