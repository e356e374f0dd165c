// A deployment is on probation from before it becomes the next boot until it was found good. Written before the boot
// order changes, so that whatever happens then, the next agent knows what was tried, and how the host was before.
import * as z from 'zod';
import { type FailedTarget, findFailed } from './failed-target.ts';

export const probationSchema = z.object({
  deployment: z.string(),
  config: z.string(),
  /** By digest. */
  image: z.string(),
  /** The boot in which the update was applied. */
  bootId: z.string(),
  /** Applied to the running deployment: the way back needs no boot. */
  live: z.boolean().default(false),
  /** Units in that boot. */
  units: z.object({ failed: z.array(z.string()), settled: z.boolean() }),
});
export type Probation = z.infer<typeof probationSchema>;

interface DeploymentFacts {
  readonly name: string;
  readonly applied: { readonly config?: string | undefined; readonly image: string } | undefined;
}

/** What is asked of a HostState. */
interface HostFacts {
  /** The first one is the next boot. */
  readonly deployments: readonly DeploymentFacts[];
  readonly booted: DeploymentFacts;
  readonly bootId: string;
  readonly bootFellBack: boolean;
  readonly probation: Probation | undefined;
  readonly failed: readonly FailedTarget[];
}

/** The probation of what runs; undefined when it has proved itself, or was never an update. */
export function currentProbation({
  probation,
  booted,
}: Pick<HostFacts, 'probation' | 'booted'>): Probation | undefined {
  const isCurrent = probation?.deployment === booted.name && probation.config === booted.applied?.config;
  return isCurrent ? probation : undefined;
}

/**
 * The target that the boot loader gave up: another deployment runs than the one that is first in the boot order. A
 * boot has happened since the order was made, and either an update is on probation there or the kernel's command line
 * says so. An order that somebody else made is theirs.
 */
export function fallenTarget(host: HostFacts, now: Date): FailedTarget | undefined {
  const { probation, booted, bootId, bootFellBack, failed } = host;
  const [first] = host.deployments;
  if (!first?.applied || first.name === booted.name || probation?.bootId === bootId) return undefined;
  if (!bootFellBack && probation?.deployment !== first.name) return undefined;
  const { config, image } = first.applied;
  if (config === undefined || findFailed(failed, config, image)) return undefined;
  const message = `the boot loader gave up ${config} with ${image} and started the deployment before it: its kernel or init did not come up; look at the host's console, then give it another config or image`;
  return { config, image, code: 'BOOT_FELL_BACK', message, time: now.toISOString() };
}
