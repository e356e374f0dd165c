// The image of a target; one without leaves the host on the image that it runs.
import { AgentError } from '../error.ts';
import type { VerifiedTarget } from '../helper/verify.ts';
import type { HostOutline } from './driver.ts';

/** Reference by digest. */
export function targetImage({ config, image }: VerifiedTarget, { booted }: Pick<HostOutline, 'booted'>): string {
  const reference = image ?? booted.image;
  if (reference) return reference;
  throw new AgentError(
    'CONFIG_UNSUPPORTED',
    `spec.osImageURL: config ${config} names no image and the host's own is not known; set it`,
  );
}
