// Makes a fresh deployment what a config says, while nothing boots it: the former config out, the new one in, verified
// as it lies on disk, and only then marked as complete.
import { posix } from 'node:path';
import type { ConfigFingerprint } from '@varve/api';
import { checkContent } from '../../content/check.ts';
import {
  type AppliedConfig,
  type AppliedContent,
  appliedConfigPath,
  formatApplied,
  recordAttributes,
} from '../../content/entry.ts';
import { shadowPath } from '../../content/password.ts';
import { type ContentPlan, isShared, unitDirectory } from '../../content/plan.ts';
import { resetContent } from '../../content/reset.ts';
import { type ResolvedContent, resolveContent } from '../../content/resolve.ts';
import type { SourceCache } from '../../content/source.ts';
import { writeContent } from '../../content/write.ts';
import { AgentError } from '../../error.ts';
import { labelPaths } from '../../tree/labels.ts';
import { syncFileSystems } from '../../tree/sync.ts';
import { Tree } from '../../tree/tree.ts';
import { readApplied } from './state.ts';

export interface PrepareOptions {
  /** Of the new deployment. */
  readonly root: string;
  readonly name: string;
  /** Absent for the first deployment of a host. */
  readonly config: string | undefined;
  readonly image: string;
  readonly kernelArguments: readonly string[];
  readonly plan: ContentPlan;
  readonly fingerprint: ConfigFingerprint;
  readonly sources: SourceCache;
  /** What the booted deployment has. */
  readonly formerly: AppliedConfig | undefined;
  readonly signal: AbortSignal;
}

export interface PreparedDeployment {
  readonly record: AppliedConfig;
  readonly content: ResolvedContent;
}

/** What all deployments share is left as it is: the record tells what it becomes when this deployment boots next. */
export async function prepareDeployment(options: PrepareOptions): Promise<PreparedDeployment> {
  const { root, name, config, image, kernelArguments, plan, sources, formerly, signal } = options;
  const tree = new Tree(root);
  // The /etc merge may have taken its changes from another deployment than the booted one: both records count.
  const merged = await readApplied(tree);
  for (const applied of [merged, formerly]) if (applied) await resetContent(tree, applied);
  const content = await resolveContent(tree, plan, sources, signal);
  const written = await writeContent(tree, content, plan.units, signal);
  await syncFileSystems([root], signal);
  const own = written.entries.filter((entry) => !isShared(entry.path));
  const [wrong] = await checkContent(tree, { ...written, entries: own });
  if (wrong) {
    throw new AgentError(
      'VERIFY_FAILED',
      `in the new deployment ${wrong.path} ${wrong.message}; two parts of the config may contradict each other`,
    );
  }
  const record: AppliedConfig = {
    version: 1,
    deployment: name,
    ...(config === undefined ? {} : { config }),
    image,
    kernelArguments: [...kernelArguments],
    ...written,
    fingerprint: options.fingerprint,
  };
  await tree.writeFile(appliedConfigPath, formatApplied(record), recordAttributes);
  const records = [record, ...[merged, formerly].filter((applied) => applied !== undefined)];
  await labelPaths(tree, await touchedPaths(tree, records), signal);
  await syncFileSystems([root], signal);
  return { record, content };
}

/** What was written or put back, and directories that were made on the way. */
async function touchedPaths(tree: Tree, records: readonly AppliedContent[]): Promise<Set<string>> {
  const touched = new Set([appliedConfigPath]);
  for (const { entries, units, password } of records) {
    for (const { path } of entries) if (!isShared(path)) touched.add(path);
    if (units.length > 0) touched.add(unitDirectory);
    if (password) touched.add(shadowPath);
  }
  for (const path of [...touched]) {
    for (let parent = posix.dirname(path); parent !== '/etc'; parent = posix.dirname(parent)) {
      if (!(await tree.lstat(`/usr${parent}`))) touched.add(parent);
    }
  }
  return touched;
}
