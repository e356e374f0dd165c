// A config applied to the running deployment: what it wants of each path, and the transaction that does it.
import { posix } from 'node:path';
import type { Action, ConfigFingerprint } from '@varve/api';
import { checkContent } from '../content/check.ts';
import {
  type AppliedConfig,
  type AppliedContent,
  appliedConfigPath,
  formatApplied,
  type ManagedUnit,
  recordAttributes,
} from '../content/entry.ts';
import { hashOfHash, shadowAttributesOf, shadowPath, shadowWith } from '../content/password.ts';
import { type ContentPlan, isShared, unitDirectory } from '../content/plan.ts';
import { resetUnits } from '../content/reset.ts';
import { type ResolvedContent, resolveContent } from '../content/resolve.ts';
import type { SourceCache } from '../content/source.ts';
import { writeUnits } from '../content/units.ts';
import { AgentError } from '../error.ts';
import type { Tree } from '../tree/tree.ts';
import { type Wanted, wantedEntry } from './change.ts';
import type { TransactionOptions } from './end.ts';
import type { SharedFiles } from './shared-files.ts';
import { runTransaction } from './transaction.ts';

export interface LiveApply extends TransactionOptions {
  /** Of the booted deployment. */
  readonly former: AppliedConfig;
  readonly config: string;
  readonly fingerprint: ConfigFingerprint;
  readonly plan: ContentPlan;
  readonly sources: SourceCache;
  readonly shared: SharedFiles;
  readonly actions: readonly Action[];
  readonly signal: AbortSignal;
}

/**
 * Ends with all of the config applied, or throws with nothing of it applied. It is held for `commitTransaction`; the
 * record that it leaves is given back.
 */
export async function applyConfig(apply: LiveApply): Promise<AppliedConfig> {
  const { tree, former, plan, shared, sources, actions, signal } = apply;
  const content = await resolveContent(tree, plan, sources, signal);
  const next = recordOf(apply, content);
  await shared.keep(content.entries);
  const wanted = [...(await wantedOwn(tree, former, content)), ...(await shared.wantedFor(tree, next, signal))];
  let units: ManagedUnit[] = former.units;
  const record = async () => {
    const done = { ...next, units };
    await requireContent(tree, done);
    return { kind: 'file' as const, path: appliedConfigPath, content: formatApplied(done), ...recordAttributes };
  };
  const setUnits = async (changed: ReadonlySet<string>) => {
    if (!concernsUnits(former, plan, changed)) return;
    await resetUnits(tree, former.units, new Set([...changed, ...next.entries.map(({ path }) => path)]));
    units = await writeUnits(tree, plan.units, signal);
  };
  const hasUnits = former.units.length + plan.units.length > 0;
  await runTransaction(apply, {
    wanted,
    units: hasUnits ? setUnits : undefined,
    record,
    actions,
    hold: true,
    signal,
  });
  return { ...next, units };
}

function recordOf({ former, config, fingerprint }: LiveApply, content: ResolvedContent): AppliedConfig {
  const { password: _password, homes: _homes, ...kept } = former;
  const { entries, homes, password } = content;
  return {
    ...kept,
    config,
    fingerprint,
    entries: entries.map(({ entry }) => entry),
    units: [],
    ...(homes.length > 0 ? { homes: [...homes] } : {}),
    ...(password ? { password: { user: password.user, sha256: hashOfHash(password.hash) } } : {}),
  };
}

/** Paths of the deployment's own /etc. */
async function wantedOwn(tree: Tree, former: AppliedContent, content: ResolvedContent): Promise<Wanted[]> {
  const own = content.entries.filter(({ entry }) => !isShared(entry.path));
  const named = new Set(own.map(({ entry }) => entry.path));
  const wanted: Wanted[] = own.map(wantedEntry);
  for (const { path } of former.entries) {
    if (!isShared(path) && !named.has(path)) wanted.push(await unmanaged(tree, path, named));
  }
  const user = content.password?.user ?? former.password?.user;
  if (user !== undefined) {
    const shadow = Buffer.from(await shadowWith(tree, user, content.password?.hash));
    wanted.push({ kind: 'file', path: shadowPath, content: shadow, ...(await shadowAttributesOf(tree)) });
  }
  return wanted;
}

/** The image's own version of a path, or nothing. */
async function unmanaged(tree: Tree, path: string, named: ReadonlySet<string>): Promise<Wanted> {
  const original = `/usr${path}`;
  const stats = await tree.lstat(original);
  if (!stats) {
    const isParent = [...named].some((other) => other.startsWith(`${path}/`));
    return isParent ? { kind: 'directory', path, mode: 0o755, uid: 0, gid: 0 } : { kind: 'absent', path };
  }
  const attributes = { path, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid };
  if (stats.isSymbolicLink()) return { kind: 'link', target: (await tree.readLink(original)) ?? '', ...attributes };
  const extended = await tree.extended(original);
  if (stats.isDirectory()) return { kind: 'directory', ...attributes, extended };
  return { kind: 'file', content: (await tree.readFile(original)) ?? new Uint8Array(), ...attributes, extended };
}

/** Their states, or the files that tell systemctl which links to make. */
function concernsUnits(former: AppliedContent, plan: ContentPlan, changed: ReadonlySet<string>): boolean {
  const states = (units: readonly { name: string; state: string }[]) =>
    units.map(({ name, state }) => `${name} ${state}`).join();
  if (states(former.units) !== states(plan.units)) return true;
  return [...changed].some((path) => posix.dirname(path).startsWith(unitDirectory));
}

async function requireContent(tree: Tree, record: AppliedConfig): Promise<void> {
  const [wrong] = await checkContent(tree, record);
  if (!wrong) return;
  throw new AgentError(
    'VERIFY_FAILED',
    `${wrong.path} ${wrong.message}; two parts of the config may contradict each other, or somebody changes it too`,
  );
}
