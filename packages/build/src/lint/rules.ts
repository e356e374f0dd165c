// What keeps an image from booting on an OSTree host. Pure: facts in, findings out.
import type { BuildErrorCode } from '../error.ts';

/** What the rules look at, whether it comes from a mounted image or from the layers of a registry. */
export interface ImageFacts {
  /** Directories of /usr/lib/modules that hold a kernel. */
  readonly kernels: readonly KernelFacts[];
  readonly hasEtc: boolean;
  readonly hasUsrEtc: boolean;
  readonly hasSysroot: boolean;
  /** The target of the link /ostree. */
  readonly ostreeLink: string | undefined;
}

export interface KernelFacts {
  readonly version: string;
  readonly hasInitramfs: boolean;
}

export interface LintFinding {
  readonly code: BuildErrorCode;
  /** Continues a sentence that begins with the image. */
  readonly problem: string;
  readonly cure: string;
}

/** Everything that is wrong, the gravest first; empty for an image that can boot. */
export function lintImage(facts: ImageFacts): LintFinding[] {
  return [...lintKernel(facts.kernels), ...lintEtc(facts), ...lintLayout(facts)];
}

/** OSTree boots /usr/lib/modules/VERSION/vmlinuz with the initramfs beside it, and refuses to choose between two. */
function lintKernel(kernels: readonly KernelFacts[]): LintFinding[] {
  const versions = kernels.map((kernel) => kernel.version).join(', ');
  const [kernel] = kernels;
  if (kernel === undefined) {
    return [
      {
        code: 'IMAGE_WITHOUT_KERNEL',
        problem: 'has no kernel (/usr/lib/modules/VERSION/vmlinuz)',
        cure: 'start FROM a base image, or install a kernel package in the Containerfile',
      },
    ];
  }
  if (kernels.length > 1) {
    return [
      {
        code: 'IMAGE_WITH_SEVERAL_KERNELS',
        problem: `has ${kernels.length} kernels (${versions})`,
        cure: 'remove all but one in the Containerfile, with their packages',
      },
    ];
  }
  if (kernel.hasInitramfs) return [];
  return [
    {
      code: 'IMAGE_WITHOUT_INITRAMFS',
      problem: `has no /usr/lib/modules/${kernel.version}/initramfs.img`,
      cure: `make one in the Containerfile: dracut --no-hostonly /usr/lib/modules/${kernel.version}/initramfs.img ${kernel.version}`,
    },
  ];
}

function lintEtc(facts: ImageFacts): LintFinding[] {
  if (!facts.hasEtc || !facts.hasUsrEtc) return [];
  return [
    {
      code: 'IMAGE_WITH_TWO_ETC',
      problem: 'has both /etc and /usr/etc, and only one of them would reach a host',
      cure: 'put configuration into /etc and remove /usr/etc in the Containerfile',
    },
  ];
}

function lintLayout(facts: ImageFacts): LintFinding[] {
  if (facts.hasSysroot && facts.ostreeLink === 'sysroot/ostree') return [];
  return [
    {
      code: 'IMAGE_WITHOUT_OSTREE_LAYOUT',
      problem: 'lacks /sysroot or the link /ostree -> sysroot/ostree',
      cure: 'start FROM a base image, or add both in the Containerfile',
    },
  ];
}
