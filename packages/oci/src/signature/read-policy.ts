import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { maximumPolicySize, parseSignaturePolicy, policyInvalid } from './parse-policy.ts';
import type { PemSource, PolicyRequirement, SignaturePolicy, SignerTrust } from './policy.ts';
import { resolveInRoot } from './resolve-in-root.ts';

const maximumPemSize = 256 * 1024;

/**
 * The policy of a machine, `/etc/containers/policy.json` below `root`, and the keys that it names there. Links lead where
 * they lead on that machine, never out of `root`. Undefined where there is none.
 * @throws OciError SIGNATURE_POLICY_INVALID; not for a missing key: what needs that one accepts nothing
 */
export async function readSignaturePolicy(root = '/'): Promise<SignaturePolicy | undefined> {
  const path = '/etc/containers/policy.json';
  return await readPolicy(join(root, path), root, () => readBounded(root, path, maximumPolicySize));
}

/** The same for a policy in another file of this machine; keys are looked up below `root`. */
export async function readPolicyFile(path: string, root = '/'): Promise<SignaturePolicy | undefined> {
  return await readPolicy(path, root, () => readBounded('/', resolve(path), maximumPolicySize));
}

async function readPolicy(
  name: string,
  root: string,
  readText: () => Promise<string | undefined>,
): Promise<SignaturePolicy | undefined> {
  let text: string | undefined;
  try {
    text = await readText();
  } catch (cause) {
    throw policyInvalid(name, cause instanceof Error ? cause.message : 'it cannot be read', cause);
  }
  if (text === undefined) return undefined;
  return await readPolicyKeys(parseSignaturePolicy(text, name), (file) => readKeyFile(file, root));
}

/** The text behind a path that a policy names; undefined where there is no such file. */
export type ReadKeyFile = (path: string) => Promise<string | undefined>;

/** A key file of the machine whose file system `root` is. */
export async function readKeyFile(path: string, root = '/'): Promise<string | undefined> {
  return await readBounded(root, path, maximumPemSize);
}

/** The policy with the keys that it names by path: one that cannot be read leaves what needs it unusable, and nothing else. */
export async function readPolicyKeys(policy: SignaturePolicy, read: ReadKeyFile): Promise<SignaturePolicy> {
  const scopes = new Map<string, PolicyRequirement[]>();
  for (const [scope, requirements] of policy.scopes) scopes.set(scope, await readKeys(requirements, read));
  return { ...policy, default: await readKeys(policy.default, read), scopes };
}

async function readKeys(requirements: readonly PolicyRequirement[], read: ReadKeyFile): Promise<PolicyRequirement[]> {
  const result: PolicyRequirement[] = [];
  for (const requirement of requirements) {
    result.push(
      requirement.type === 'sigstoreSigned'
        ? { ...requirement, trust: await readTrust(requirement.trust, read) }
        : requirement,
    );
  }
  return result;
}

async function readTrust(trust: SignerTrust, read: ReadKeyFile): Promise<SignerTrust> {
  const readAll = (sources: PemSource[]) => Promise.all(sources.map((source) => readPem(source, read)));
  switch (trust.type) {
    case 'keys':
      return { ...trust, keys: await readAll(trust.keys), rekorKeys: await readAll(trust.rekorKeys) };
    case 'fulcio':
      return { ...trust, roots: await readPem(trust.roots, read), rekorKeys: await readAll(trust.rekorKeys) };
    case 'pki':
      return {
        ...trust,
        roots: await readPem(trust.roots, read),
        ...(trust.intermediates !== undefined && { intermediates: await readPem(trust.intermediates, read) }),
      };
  }
}

async function readPem(source: PemSource, read: ReadKeyFile): Promise<PemSource> {
  if (source.path === undefined) return source;
  try {
    const text = await read(source.path);
    return text === undefined ? { ...source, problem: 'it does not exist' } : { ...source, text };
  } catch (error) {
    return { ...source, problem: error instanceof Error ? error.message : 'it cannot be read' };
  }
}

/** Undefined where there is no file. */
async function readBounded(root: string, path: string, limit: number): Promise<string | undefined> {
  try {
    // A pipe is opened at once, not when somebody writes into it.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
    await using file = await open(await resolveInRoot(root, path), flags);
    const status = await file.stat();
    const { size } = status;
    if (!status.isFile()) throw new Error('it is no file');
    if (size > limit) throw new Error(`it has ${size} bytes, and ${limit} are the most`);
    return await file.readFile('utf8');
  } catch (error) {
    if (!isAbsent(error)) throw error;
    await requireNothing(join(await resolveInRoot(root, dirname(path)), basename(path)));
    return undefined;
  }
}

/** A link that leads nowhere is no machine without a policy: somebody has asked for one. */
async function requireNothing(path: string): Promise<void> {
  try {
    await lstat(path);
  } catch (error) {
    if (isAbsent(error)) return;
    throw error;
  }
  throw new Error('it is a link that leads nowhere');
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
