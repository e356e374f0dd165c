// Makes a fresh deployment what a config says, while nothing boots it: the former config out, the new one in, verified
// as it lies on disk, and only then marked as complete.
import spawn from 'nano-spawn';
import { checkContent } from '../../content/check.ts';
import { type AppliedConfig, appliedConfigPath } from '../../content/entry.ts';
import type { ContentPlan } from '../../content/plan.ts';
import { resetContent } from '../../content/reset.ts';
import type { SourceCache } from '../../content/source.ts';
import { writeContent } from '../../content/write.ts';
import { AgentError } from '../../error.ts';
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
  readonly sources: SourceCache;
  /** What the booted deployment has. */
  readonly formerly: AppliedConfig | undefined;
  readonly signal: AbortSignal;
}

const recordAttributes = { mode: 0o600, uid: 0, gid: 0 };

export async function prepareDeployment(options: PrepareOptions): Promise<void> {
  const { root, name, config, image, kernelArguments, plan, sources, formerly, signal } = options;
  const tree = new Tree(root);
  // The /etc merge may have taken its changes from another deployment than the booted one: both records count.
  const merged = await readApplied(tree);
  for (const applied of [merged, formerly]) if (applied) await resetContent(tree, applied);
  const written = await writeContent(tree, plan, sources, signal);
  await sync(root, signal);
  const [wrong] = await checkContent(tree, written);
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
  };
  await tree.writeFile(appliedConfigPath, Buffer.from(`${JSON.stringify(record, undefined, 1)}\n`), recordAttributes);
  await sync(root, signal);
}

/** syncfs(2): every file and directory of the file system, in one call that Node has no function for. */
async function sync(path: string, signal: AbortSignal): Promise<void> {
  await spawn('sync', ['--file-system', path], { signal, timeout: 5 * 60_000 });
}
