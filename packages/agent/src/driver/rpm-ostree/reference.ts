// How rpm-ostree names an image: with the scheme by which it is verified (rpm-ostree docs/container.md). A host goes on
// verifying as it does, and begins to where there is a policy.

/**
 * `present`: how the booted deployment names its image; undefined on a host that follows a branch. `enforcePolicy`: the
 * host has a signature policy.
 */
export function referenceLike(present: string | undefined, image: string, enforcePolicy: boolean): string {
  const remote = /^ostree-remote-(?:registry|image):([^:]+):/.exec(present ?? '')?.[1];
  if (remote !== undefined) return `ostree-remote-registry:${remote}:${image}`;
  if (enforcePolicy || present?.startsWith('ostree-image-signed:')) return `ostree-image-signed:docker://${image}`;
  return `ostree-unverified-registry:${image}`;
}
