// varve image verify: holds an image in a registry to a signature policy.
import { readFile } from 'node:fs/promises';
import {
  type Acceptance,
  connectImageRegistry,
  type Digest,
  fetchSignedImage,
  formatImageReference,
  parseImageReference,
  parseQualifiedReference,
  parseSignaturePolicy,
  readPolicyFile,
  type SignaturePolicy,
  verifySignatures,
} from '@varve/oci';
import { CliError } from '../error.ts';
import { printable } from '../output.ts';
import { registryOptions } from '../registry-access.ts';
import type { RegistryFlags } from '../registry-flags.ts';

export interface VerifyFlags extends RegistryFlags {
  readonly policy: string;
  readonly key?: string;
}

export interface Verification extends Acceptance {
  readonly image: string;
  readonly digest: Digest;
  readonly policy: string;
}

/** @throws OciError SIGNATURE_REJECTED where the policy does not accept the image */
export async function verify(text: string, flags: VerifyFlags, signal: AbortSignal): Promise<Verification> {
  const policy = flags.key === undefined ? await readPolicy(flags.policy) : await policyOfKey(flags.key);
  const options = await registryOptions(flags);
  const { registries } = options;
  const reference = registries === undefined ? parseImageReference(text) : parseQualifiedReference(registries, text);
  await using registry = connectImageRegistry(options);
  const image = await fetchSignedImage(registry, reference, { signal });
  const acceptance = verifySignatures({ policy, ...image });
  return {
    image: formatImageReference(reference),
    digest: image.manifestDigest,
    policy: policy.source,
    ...acceptance,
  };
}

export function formatVerification({ image, digest, policy, scope, isSigned, signatures }: Verification): string {
  const lines = [
    `image      ${image}`,
    `digest     ${digest}`,
    `policy     ${policy}, ${scope === undefined ? 'its default' : `scope ${JSON.stringify(scope)}`}`,
  ];
  if (!isSigned) lines.push('signature  none, and the policy asks for none');
  for (const { kind, signer, keyId, signedReference, loggedAt } of signatures) {
    const as = signedReference === undefined ? '' : `, as ${printable(signedReference)}`;
    const logged = loggedAt === undefined ? '' : `, logged ${loggedAt}`;
    lines.push(`signature  ${kind} by ${signer} (key ${keyId.slice(0, 16)})${as}${logged}`);
  }
  return lines.join('\n');
}

async function readPolicy(path: string): Promise<SignaturePolicy> {
  const policy = await readPolicyFile(path);
  if (policy !== undefined) return policy;
  throw new CliError(
    'USAGE',
    `there is no signature policy ${path}; name one with --policy, or a public key with --key`,
  );
}

/** A signature of the key will do, for this repository: cosign 2 signs no tag. */
async function policyOfKey(path: string): Promise<SignaturePolicy> {
  let key: Buffer;
  try {
    key = await readFile(path);
  } catch (cause) {
    throw new CliError('USAGE', `the key ${path} cannot be read`, { cause });
  }
  const requirement = {
    type: 'sigstoreSigned',
    keyData: key.toString('base64'),
    signedIdentity: { type: 'matchRepository' },
  };
  return parseSignaturePolicy(JSON.stringify({ default: [requirement] }), `--key ${path}`);
}
