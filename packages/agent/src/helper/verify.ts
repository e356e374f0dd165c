// Which targets a host may act on. A VerifiedTarget is made here and nowhere else: what a driver is given was checked.
import type { MachineConfigSpec } from '@varve/api';

const verified: unique symbol = Symbol('verified');

/** What a host is to run. The symbol keeps other modules from writing one down. */
export interface VerifiedTarget {
  readonly [verified]: true;
  /** Rendered config. */
  readonly config: string;
  /** By digest; absent when the config leaves the host on the image that it runs. */
  readonly image: string | undefined;
  readonly spec: MachineConfigSpec;
}

/** A target of whoever is root on this host: nobody signs it. */
export function trustLocally(target: Pick<VerifiedTarget, 'config' | 'image' | 'spec'>): VerifiedTarget {
  const { config, image, spec } = target;
  return { [verified]: true, config, image, spec };
}
