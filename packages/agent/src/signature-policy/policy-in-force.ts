// Which signature policy an update is held to: the one that it brings, so that no image is staged ahead of a policy that
// refuses it; else the host's own.
import { createHash } from 'node:crypto';
import {
  OciError,
  parseSignaturePolicy,
  readKeyFile,
  readPolicyKeys,
  readSignaturePolicy,
  type SignaturePolicy,
} from '@varve/oci';
import type { ContentPlan } from '../content/plan.ts';
import type { SourceCache } from '../content/source.ts';
import { AgentError } from '../error.ts';

const policyPath = '/etc/containers/policy.json';

export interface PolicyInForce {
  readonly policy: SignaturePolicy;
  /** Of all that it says, its keys included: another one may decide otherwise. */
  readonly digest: string;
}

export interface PolicyOrigin {
  /** Of the config that the host is to get. */
  readonly plan: ContentPlan;
  readonly config: string;
  readonly sources: SourceCache;
  /** Of the deployment that runs. */
  readonly root: string;
  readonly signal: AbortSignal;
}

/** Undefined where there is none. Throws SIGNATURE_POLICY_INVALID (of @varve/oci), or CONFIG_UNSUPPORTED. */
export async function policyInForce(origin: PolicyOrigin): Promise<PolicyInForce | undefined> {
  const policy = (await policyOfConfig(origin)) ?? (await readSignaturePolicy(origin.root));
  return policy && { policy, digest: digestOfPolicy(policy) };
}

/** Keys that the config brings count before those that the host has. */
async function policyOfConfig({
  plan,
  config,
  sources,
  root,
  signal,
}: PolicyOrigin): Promise<SignaturePolicy | undefined> {
  if (plan.links.some(({ path }) => path === policyPath)) {
    throw new AgentError('CONFIG_UNSUPPORTED', `spec.config.storage.links: ${policyPath} must be a file, not a link`);
  }
  const textOf = async (path: string) => {
    const file = plan.files.find((planned) => planned.path === path);
    return file && Buffer.from(await sources.read(file.source, signal)).toString('utf8');
  };
  const text = await textOf(policyPath);
  if (text === undefined) return undefined;
  const policy = parseSignaturePolicy(text, `${policyPath} of ${config}`);
  return await readPolicyKeys(policy, async (path) => (await textOf(path)) ?? (await readKeyFile(path, root)));
}

/** Whether the host's own policy says anything about images of no scope; bootc and rpm-ostree take no other for one. */
export async function hasStrictDefault(root: string): Promise<boolean> {
  try {
    const policy = await readSignaturePolicy(root);
    return policy?.default.some(({ type }) => type !== 'insecureAcceptAnything') ?? false;
  } catch (error) {
    // It decides nothing here: what brings a better one may be on its way.
    if (error instanceof OciError && error.code === 'SIGNATURE_POLICY_INVALID') return false;
    throw error;
  }
}

function digestOfPolicy({ default: otherwise, scopes }: SignaturePolicy): string {
  const all = JSON.stringify([otherwise, [...scopes].sort(([a], [b]) => (a < b ? -1 : 1))]);
  return `sha256:${createHash('sha256').update(all).digest('hex')}`;
}
