import type { Digest } from '@varve/oci';
import type { OstreeChecksum } from '../checksum.ts';

/** A bootable tree on a host. */
export interface Deployment {
  readonly stateroot: string;
  /** The commit that it was made from. */
  readonly checksum: OstreeChecksum;
  /** Tells apart the deployments of one commit. */
  readonly serial: number;
  /** Place in the boot order; 0 is booted next. */
  readonly index: number;
  /** Without `ostree=`. */
  readonly kernelArguments: readonly string[];
  /** The image as it was named when it was deployed; absent for a deployment that did not come from an image. */
  readonly imageReference?: string | undefined;
  /** The digest of that image's manifest. */
  readonly imageDigest?: Digest | undefined;
  /** Pinned deployments are not removed when others are added. */
  readonly pinned: boolean;
}

/** What names a deployment, whatever its place in the boot order is. */
export type DeploymentIdentity = Pick<Deployment, 'stateroot' | 'checksum' | 'serial'>;

export function isSameDeployment(a: DeploymentIdentity, b: DeploymentIdentity): boolean {
  return a.stateroot === b.stateroot && a.checksum === b.checksum && a.serial === b.serial;
}

/** The deployment's directory, relative to /ostree/deploy. */
export function deploymentDirectory({ stateroot, checksum, serial }: DeploymentIdentity): string {
  return `${stateroot}/deploy/${checksum}.${serial}`;
}
