// What can be told of an image's commit before anything is made of it.
import type { OstreeChecksum } from './checksum.ts';
import type { Repository } from './repository.ts';
import { policyIn } from './selinux.ts';
import { nodeAt, readTree } from './tree.ts';

/**
 * Where a symbolic link leads; undefined when nothing or something else lies at the path, which has no slash in front.
 * @throws OstreeError REPOSITORY_DAMAGED, OSTREE_OBJECT_INVALID
 */
export function readLinkInCommit(repository: Repository, commit: OstreeChecksum, path: string): string | undefined {
  const node = nodeAt(readTree(repository, commit), path);
  return node?.type === 'file' ? repository.openFile(node.checksum).linkTarget : undefined;
}

/**
 * The name of the SELinux policy that a host enforces, or watches, when it boots the commit; undefined when there is none.
 * @throws OstreeError REPOSITORY_DAMAGED, OSTREE_OBJECT_INVALID
 */
export async function policyOfCommit(repository: Repository, commit: OstreeChecksum): Promise<string | undefined> {
  return await policyIn(repository, readTree(repository, commit));
}
