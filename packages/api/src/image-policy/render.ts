// From the ClusterImagePolicies to the files that tell a host's tools and its agent which images to run: the generated part
// of a rendered config (machine-config-operator pkg/controller/container-runtime-config/helpers.go, updatePolicyJSON and
// generateSigstoreRegistriesdConfig).
import { ApiError } from '../error.ts';
import { readContents } from '../ignition/contents.ts';
import { mergeIgnition } from '../ignition/merge.ts';
import type { IgnitionFile } from '../ignition/schema.ts';
import type { ClusterImagePolicy } from '../kinds/cluster-image-policy.ts';
import type { MachineConfigSpec } from '../machine-config-spec.ts';
import { type MergedConfig, parseIgnition } from '../merge.ts';
import { type PolicyRequirement, requirementOf } from './requirement.ts';

export const signaturePolicyPath = '/etc/containers/policy.json';
/** Without it podman and its kin do not look for the signatures (containers-registries.d(5)). */
const attachmentsPath = '/etc/containers/registries.d/sigstore-registries.yaml';

type Scopes = Record<string, readonly PolicyRequirement[]>;

interface PolicyFile {
  default: readonly PolicyRequirement[];
  transports?: Record<string, Scopes>;
  [more: string]: unknown;
}

/** What hosts have whose config brings no policy of its own (machine-config-operator templates, policy.json). */
const basis: PolicyFile = {
  default: [{ type: 'insecureAcceptAnything' }],
  transports: { 'docker-daemon': { '': [{ type: 'insecureAcceptAnything' }] } },
};

/** The transport `atomic` has at most three parts, the last one perhaps with a version (image/openshift/openshift_transport.go). */
const atomicScope = /^[^/]*(\/[^:/]*(\/[^:/]*(:[^:/]*)?)?)?$/;

/**
 * The merge with what the policies say. A policy.json of the merge itself stays what it is but for their scopes: where both
 * are about one, both must be met. Policies of the same scope must all be met as well. Throws CONFIG_INVALID.
 */
export function withImagePolicies(merged: MergedConfig, policies: readonly ClusterImagePolicy[]): MergedConfig {
  const ordered = policies
    .filter(({ metadata }) => !metadata.deletionTimestamp)
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  if (ordered.length === 0) return merged;
  const own = signaturePolicyOf(merged.spec);
  if (own?.kind === 'remote') throw invalid('is fetched from elsewhere: a ClusterImagePolicy cannot be put into it');
  const scopes = scopesOf(ordered);
  const policy = mergeScopes(own ? parsePolicy(own.text) : basis, scopes);
  const files = [
    fileOf(signaturePolicyPath, `${JSON.stringify(policy, undefined, 2)}\n`),
    fileOf(attachmentsPath, attachmentsText([...scopes.keys()])),
  ];
  const generated = { ignition: { version: '3.2.0' }, storage: { files } };
  const present = parseIgnition(merged.spec.config);
  const { config } = mergeIgnition([
    ...(present ? [{ name: 'merged', config: present }] : []),
    { name: 'generated', config: generated },
  ]);
  return { ...merged, spec: { ...merged.spec, config }, imagePolicies: ordered.map(nameOf) };
}

export type SignaturePolicyText = { readonly kind: 'inline'; readonly text: string } | { readonly kind: 'remote' };

/** The policy.json of a config. Throws CONTENTS_INVALID. */
export function signaturePolicyOf(spec: MachineConfigSpec): SignaturePolicyText | undefined {
  return textOfFile(spec, signaturePolicyPath);
}

/** The text of a file that a config brings; undefined when it brings none there. Throws CONTENTS_INVALID. */
export function textOfFile(spec: MachineConfigSpec, path: string): SignaturePolicyText | undefined {
  const file = parseIgnition(spec.config)?.storage?.files?.find((candidate) => candidate.path === path);
  if (!file) return undefined;
  const source = readContents(file.contents);
  if (source.kind === 'remote') return { kind: 'remote' };
  return { kind: 'inline', text: Buffer.from(source.bytes).toString('utf8') };
}

function scopesOf(policies: readonly ClusterImagePolicy[]): Map<string, PolicyRequirement[]> {
  const scopes = new Map<string, PolicyRequirement[]>();
  for (const { spec } of policies) {
    for (const scope of spec.scopes) scopes.set(scope, [...(scopes.get(scope) ?? []), requirementOf(spec.policy)]);
  }
  return new Map([...scopes].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function mergeScopes(policy: PolicyFile, scopes: ReadonlyMap<string, readonly PolicyRequirement[]>): PolicyFile {
  const docker: Scopes = { ...policy.transports?.docker };
  const atomic: Scopes = { ...policy.transports?.atomic };
  for (const [scope, requirements] of scopes) {
    docker[scope] = bothOf(docker[scope], requirements);
    if (atomicScope.test(scope)) atomic[scope] = bothOf(atomic[scope], requirements);
  }
  const transports = { ...policy.transports, ...(Object.keys(atomic).length > 0 && { atomic }), docker };
  return { ...policy, transports };
}

/** To accept anything adds nothing to what must be met. */
function bothOf(
  own: readonly PolicyRequirement[] = [],
  more: readonly PolicyRequirement[],
): readonly PolicyRequirement[] {
  return [...own.filter(({ type }) => type !== 'insecureAcceptAnything'), ...more];
}

/** Only as far as it is changed: all of it is checked before it is rolled out. */
function parsePolicy(text: string): PolicyFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid('is no JSON', cause);
  }
  if (!isPolicyFile(value)) throw invalid('is no signature policy: see containers-policy.json(5)');
  return value;
}

function isPolicyFile(value: unknown): value is PolicyFile {
  if (!isRecord(value) || !isRequirements(value.default)) return false;
  const { transports = {} } = value;
  return isRecord(transports) && Object.values(transports).every(isScopes);
}

function isScopes(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every(isRequirements);
}

function isRequirements(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => isRecord(item) && typeof item.type === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function attachmentsText(scopes: readonly string[]): string {
  const lines = scopes.map((scope) => `  ${JSON.stringify(scope)}:\n    use-sigstore-attachments: true\n`);
  return `docker:\n${lines.join('')}`;
}

function fileOf(path: string, text: string): IgnitionFile {
  const source = `data:text/plain;charset=utf-8;base64,${Buffer.from(text).toString('base64')}`;
  return { path, mode: 0o644, overwrite: true, contents: { source } };
}

function nameOf({ metadata }: ClusterImagePolicy): string {
  return metadata.name ?? '';
}

function invalid(problem: string, cause?: unknown): ApiError {
  return new ApiError('CONFIG_INVALID', `spec.config.storage: the file ${signaturePolicyPath} ${problem}`, { cause });
}
