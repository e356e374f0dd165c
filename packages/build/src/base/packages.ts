// Which packages make a base image, and why.
import { BuildError } from '../error.ts';

/** Debian's names of the architectures that have a bootable base. */
const cloudKernels = new Map([
  ['debian/amd64', 'linux-image-cloud-amd64'],
  ['debian/arm64', 'linux-image-cloud-arm64'],
  ['ubuntu/amd64', 'linux-image-virtual'],
  ['ubuntu/arm64', 'linux-image-virtual'],
]);

/** The kernel for virtual machines, or the general one of the architecture. */
export function kernelPackage(distribution: string, architecture: string): string {
  const kernel = cloudKernels.get(`${distribution}/${architecture}`);
  if (kernel !== undefined) return kernel;
  return distribution === 'ubuntu' ? 'linux-image-generic' : `linux-image-${architecture}`;
}

const userland = [
  // Keeps usrmerge, which brings all of perl, out.
  'usr-is-merged',
  'systemd',
  'systemd-sysv',
  'systemd-resolved',
  'udev',
  'dbus',
  'libpam-systemd',
  'kmod',
  'ostree',
  'ostree-boot',
  'dracut',
  'e2fsprogs',
  'iproute2',
  // /etc/protocols and /etc/services: rules and configuration use these names.
  'netbase',
  'ca-certificates',
  'openssh-server',
];

export function basePackages(distribution: string, architecture: string): string[] {
  return [...userland, kernelPackage(distribution, architecture)];
}

/** OCI's name (Go's GOARCH) of a Debian architecture. Throws BASE_BUILD_FAILED for one that this package does not know. */
export function ociArchitecture(architecture: string): string {
  const names = new Map([
    ['amd64', 'amd64'],
    ['arm64', 'arm64'],
    ['ppc64el', 'ppc64le'],
    ['riscv64', 'riscv64'],
    ['s390x', 's390x'],
  ]);
  const name = names.get(architecture);
  if (name !== undefined) return name;
  throw new BuildError(
    'BASE_BUILD_FAILED',
    `no base image is made for ${architecture}; use one of ${[...names.keys()].join(', ')}`,
  );
}
