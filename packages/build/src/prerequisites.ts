// What this package calls, so that a set-up can say what it installs and why.

export interface Prerequisite {
  /** The name of the Debian and Ubuntu package. */
  readonly package: string;
  /** A command of it that is called. */
  readonly command: string;
  readonly reason: string;
}

export const prerequisites: readonly Prerequisite[] = [
  { package: 'mmdebstrap', command: 'mmdebstrap', reason: 'makes the base image from Debian packages' },
  { package: 'buildah', command: 'buildah', reason: 'builds images from Containerfiles' },
  { package: 'skopeo', command: 'skopeo', reason: 'pushes base images to a registry' },
  { package: 'util-linux', command: 'unshare', reason: 'runs a command inside a base image that is being made' },
  { package: 'tar', command: 'tar', reason: 'packs the base image' },
];
