// Whether hosts will accept the images of a config: the same question that each of them asks before it fetches one, asked
// here before any host is given the config. A policy that would refuse what a pool runs does not reach that pool.
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  extensionsImageOf,
  type MachineConfig,
  type MachineConfigSpec,
  type ResolvedImages,
  signaturePolicyOf,
  signaturePolicyPath,
  textOfFile,
} from '@varve/api';
import { OciError, parseSignaturePolicy, readPolicyKeys, type SignaturePolicy } from '@varve/oci';

/** Throws SIGNATURE_REJECTED or SIGNATURE_POLICY_INVALID (of @varve/oci), and what its registry throws. `image`: by digest. */
export type CheckImage = (image: string, policy: SignaturePolicy, signal: AbortSignal) => Promise<void>;

/** On a pool: which policy is rolled out although it refuses images that the pool runs; the error says what to write. */
export const forceImagePolicyAnnotation = 'varve.dev/force-image-policy';

export interface AcceptanceQuestion {
  readonly spec: MachineConfigSpec;
  readonly images: ResolvedImages;
  /** The target before this one; its images were accepted by its policy. */
  readonly before: MachineConfig | undefined;
  /** Whether that one's policy is the same, its keys included: `isPolicyOf`. */
  readonly isSamePolicy: boolean;
  /** By digest; what hosts run whose config names no image. */
  readonly running: readonly string[];
  /** Digest of a policy, as `digestOfPolicyText` has it, whose refusals do not matter. */
  readonly forced: string | undefined;
}

export interface ImageToCheck {
  readonly field: 'osImageURL' | 'baseOSExtensionsContainerImage' | undefined;
  readonly image: string;
}

/** Pure. What is to be asked about; nothing where nothing has changed, or where somebody said that it does not matter. */
export function imagesToCheck({
  spec,
  images,
  before,
  isSamePolicy,
  running,
  forced,
}: AcceptanceQuestion): ImageToCheck[] {
  const policy = signaturePolicyOf(spec);
  if (policy?.kind !== 'inline' || digestOfPolicyText(policy.text) === forced) return [];
  const known = isSamePolicy ? before?.spec : undefined;
  const wanted: ImageToCheck[] = [];
  if (!images.osImageURL) {
    if (!known) wanted.push(...running.map((image) => ({ field: undefined, image })));
  } else if (known?.osImageURL !== images.osImageURL) wanted.push({ field: 'osImageURL', image: images.osImageURL });
  const extensions = extensionsImageOf({ ...spec, ...images });
  // One that was named and not used was not asked about.
  if (extensions !== undefined && (!known || extensionsImageOf(known) !== extensions)) {
    wanted.push({ field: 'baseOSExtensionsContainerImage', image: extensions });
  }
  return wanted;
}

/** The first 12 hexadecimal digits of its SHA-256. */
export function digestOfPolicyText(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

export interface JudgedPolicy {
  readonly policy: SignaturePolicy;
  readonly digest: string;
  /** False when it names keys that only the hosts have: they decide alone. */
  readonly isComplete: boolean;
}

/** The policy of a config; undefined when it has none that is known here. Throws SIGNATURE_POLICY_INVALID (of @varve/oci). */
export async function policyOfSpec(spec: MachineConfigSpec): Promise<JudgedPolicy | undefined> {
  const file = signaturePolicyOf(spec);
  if (file?.kind !== 'inline') return undefined;
  const parsed = parseSignaturePolicy(file.text, signaturePolicyPath);
  let isComplete = true;
  const policy = await readPolicyKeys(parsed, async (path) => {
    const key = textOfFile(spec, path);
    if (key?.kind === 'inline') return key.text;
    isComplete = false;
    return undefined;
  });
  return { policy, digest: digestOfPolicyText(file.text), isComplete };
}

/** Whether a config before this one has the same policy, with the same keys: a key file may change and the policy not. */
export async function isPolicyOf(
  { policy, digest }: JudgedPolicy,
  before: MachineConfig | undefined,
): Promise<boolean> {
  try {
    const known = before && (await policyOfSpec(before.spec));
    return known?.digest === digest && isDeepStrictEqual(known.policy, policy);
  } catch {
    // What was rolled out before may be no policy; then nothing was accepted by it.
    return false;
  }
}

/** Asks about one image. Throws as CheckImage, with what else can be done. */
export async function requireAccepted(
  image: string,
  { policy, digest, isComplete }: JudgedPolicy,
  pool: string,
  check: CheckImage,
  signal: AbortSignal,
): Promise<void> {
  try {
    await check(image, policy, signal);
  } catch (error) {
    if (!(error instanceof OciError)) throw error;
    if (error.code === 'SIGNATURE_POLICY_INVALID' && !isComplete) return;
    if (error.code !== 'SIGNATURE_REJECTED') throw error;
    const force = `kubectl annotate machineconfigpool ${pool} ${forceImagePolicyAnnotation}=${digest}`;
    throw new OciError(
      error.code,
      `${error.message}; hosts keep what they have until then. To roll the policy out although it refuses what they run: ${force}`,
      { cause: error },
    );
  }
}
