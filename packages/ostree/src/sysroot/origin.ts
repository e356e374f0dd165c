// Origin files say where a deployment came from: a keyfile beside the deployment. The key is the one of ostree-ext, bootc
// and rpm-ostree, so that they know the host's image.

const imageKey = 'container-image-reference';
const imageOrigin =
  /^ostree-(?:unverified-registry:|remote-registry:[^:]+:|(?:unverified-image|image-signed|remote-image:[^:]+):(?:docker:\/\/|registry:))(.+)$/;

export interface Origin {
  readonly imageReference: string | undefined;
  readonly pinned: boolean;
}

export function formatOrigin(imageReference: string): string {
  return `[origin]\n${imageKey}=ostree-unverified-registry:${imageReference}\n`;
}

export function parseOrigin(text: string): Origin {
  const groups = parseKeyFile(text);
  // Any scheme: ostree-unverified-registry:IMAGE, ostree-unverified-image:docker://IMAGE, ostree-image-signed:docker://IMAGE,
  // ostree-remote-registry:REMOTE:IMAGE (rpm-ostree docs/container.md).
  const reference = imageOrigin.exec(groups.get('origin')?.get(imageKey) ?? '');
  return {
    imageReference: reference?.[1],
    pinned: groups.get('libostree-transient')?.get('pinned') === 'true',
  };
}

/** https://docs.gtk.org/glib/struct.KeyFile.html, as far as origin files use it. */
function parseKeyFile(text: string): Map<string, Map<string, string>> {
  const groups = new Map<string, Map<string, string>>();
  let group = new Map<string, string>();
  for (const line of text.split('\n')) {
    const name = /^\[(.+)\]\s*$/.exec(line)?.[1];
    const pair = /^([^#=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line);
    if (name !== undefined) {
      group = groups.get(name) ?? new Map();
      groups.set(name, group);
    } else if (pair?.[1] !== undefined && pair[2] !== undefined) group.set(pair[1], pair[2]);
  }
  return groups;
}
