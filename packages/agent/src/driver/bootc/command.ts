// The command lines of bootc that the driver uses, and since when they are there (https://bootc-dev.github.io/bootc/, man
// pages bootc-status(8), bootc-switch(8), bootc-rollback(8)).

/** The first version whose status has the format that is read here. */
export const minimumBootcVersion = '1.1.0';

export const versionArguments = ['--version'];

export const statusArguments = ['status', '--format', 'json', '--format-version', '1'];

export interface SwitchOptions {
  /** By digest. */
  readonly image: string;
  /** The host verifies images by containers-policy.json(5), and is to go on doing so. */
  readonly enforcePolicy: boolean;
}

/** Fetches an image and stages a deployment of it. `--retain` keeps the branch that a host without an image came from. */
export function switchArguments({ image, enforcePolicy }: SwitchOptions): string[] {
  const policy = enforcePolicy ? ['--enforce-container-sigpolicy'] : [];
  return ['switch', '--quiet', '--transport', 'registry', '--retain', ...policy, image];
}

export const rollbackArguments = ['rollback'];
