// Whether an image has a policy by which its files would need labels.
import type { Digest } from '@varve/oci';
import { OstreeError } from './error.ts';
import type { FileSource } from './stored-file.ts';
import { nodeAt, type TreeDirectory } from './tree.ts';
import { readTextInTree } from './tree-text.ts';

/**
 * Container layers carry no labels. Where the image has a policy that is not disabled, a host that boots it without labels
 * denies its own services; so it is refused. (libostree's ostree-sepolicy.c finds the policy in the same way.)
 * @throws OstreeError IMAGE_UNSUPPORTED
 */
export async function assertNoPolicy(source: FileSource, tree: TreeDirectory, digest: Digest): Promise<void> {
  const policy = await policyIn(source, tree);
  if (policy === undefined) return;
  throw new OstreeError(
    'IMAGE_UNSUPPORTED',
    `the image ${digest} has the SELinux policy ${policy}, and its layers no labels; remove the policy, set SELINUX=disabled in /etc/selinux/config, or build with a tool that writes an OSTree commit`,
  );
}

/** The name of the policy that a tree's configuration puts into force; undefined when there is none, or no such policy. */
export async function policyIn(source: FileSource, tree: TreeDirectory): Promise<string | undefined> {
  const policy = configuredPolicy(await readTextInTree(source, tree, 'usr/etc/selinux/config'));
  if (policy === undefined) return undefined;
  return nodeAt(tree, `usr/etc/selinux/${policy}/contexts/files/file_contexts`) === undefined ? undefined : policy;
}

/** The name of the policy that a configuration puts into force; undefined when SELinux is disabled or not there. */
export function configuredPolicy(text: string | undefined): string | undefined {
  const values = new Map(
    (text ?? '').split('\n').flatMap((line): [string, string][] => {
      const [, key, value] = /^\s*(SELINUX|SELINUXTYPE)=(.*?)\s*$/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value]];
    }),
  );
  const isDisabled = values.get('SELINUX')?.toLowerCase() === 'disabled';
  const type = values.get('SELINUXTYPE');
  return isDisabled || type === undefined || !/^[\w.-]+$/.test(type) ? undefined : type;
}
