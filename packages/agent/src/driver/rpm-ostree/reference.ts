// How rpm-ostree names an image: with the scheme by which it is verified (rpm-ostree docs/container.md). A host goes on
// verifying as it does.

/** `present`: how the booted deployment names its image; undefined on a host that follows a branch. */
export function referenceLike(present: string | undefined, image: string): string {
  const remote = /^ostree-remote-(?:registry|image):([^:]+):/.exec(present ?? '')?.[1];
  if (remote !== undefined) return `ostree-remote-registry:${remote}:${image}`;
  if (present?.startsWith('ostree-image-signed:')) return `ostree-image-signed:docker://${image}`;
  return `ostree-unverified-registry:${image}`;
}
