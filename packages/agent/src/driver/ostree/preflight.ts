// The second half of the preflight: what a config and the commit that was staged for it have to do with each other. It is
// looked at before anything that runs or boots is touched, and before the host is drained for it.
import { type OstreeChecksum, policyOfCommit, type Repository, readLinkInCommit } from '@varve/ostree';
import { type ContentPlan, isShared } from '../../content/plan.ts';
import { AgentError } from '../../error.ts';
import { requireLabelling } from '../../tree/labels.ts';
import { linkedDirectoryOf, linkProblem } from '../../tree/linked-directory.ts';

/** Throws CONFIG_UNSUPPORTED, or DRIVER_UNSUITABLE. */
export async function requireFitting(repository: Repository, commit: OstreeChecksum, plan: ContentPlan): Promise<void> {
  for (const { path } of [...plan.directories, ...plan.files, ...plan.links]) {
    const linked = isShared(path) ? linkedDirectoryOf(path) : undefined;
    if (linked === undefined) continue;
    const problem = linkProblem(path, linked, readLinkInCommit(repository, commit, linked.slice(1)));
    if (problem !== undefined) throw new AgentError('CONFIG_UNSUPPORTED', `spec.config.storage: ${problem}`);
  }
  const policy = await policyOfCommit(repository, commit);
  if (policy !== undefined) await requireLabelling(policy);
}
