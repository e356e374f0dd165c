// What is desired of this host, as it was last accepted. It is kept on disk: the agent works on while the control
// plane is away, and cannot be talked back to an older target.
import {
  type DriftPolicy,
  driftPolicySchema,
  type HealthChecks,
  healthChecksSchema,
  type MachineConfig,
  type MachineConfigNode,
  type MachineConfigSpec,
  machineConfigResource,
} from '@varve/api';
import * as z from 'zod';

export interface Desired {
  /** Identity and generation of the MachineConfigNode that said it. */
  readonly uid: string;
  readonly generation: number;
  readonly pool: string;
  /** Rendered config. */
  readonly config: string;
  /** Image by digest; absent when the config leaves the host on the image that it runs. */
  readonly image?: string | undefined;
  readonly phase: 'Staged' | 'Applied';
  readonly spec: MachineConfigSpec;
  /** What makes the host healthy after an update. */
  readonly health?: HealthChecks | undefined;
  /** What is done about managed paths that somebody changed. */
  readonly drift?: DriftPolicy | undefined;
}

const specSchema = z.unknown().transform((spec, context): MachineConfigSpec => {
  const parsed = machineConfigResource.schema.safeParse({ apiVersion: '', kind: '', spec });
  if (parsed.success) return parsed.data.spec;
  context.addIssue('is no spec of a MachineConfig');
  return z.NEVER;
});

export const desiredSchema: z.ZodType<Desired> = z.object({
  uid: z.string(),
  generation: z.int(),
  pool: z.string(),
  config: z.string(),
  image: z.string().optional(),
  phase: z.enum(['Staged', 'Applied']),
  spec: specSchema,
  health: healthChecksSchema.optional(),
  drift: driftPolicySchema.optional(),
});

export type Acceptance =
  | { readonly kind: 'unchanged' }
  /** An object from before what was already accepted: a stale cache, or a replay. */
  | { readonly kind: 'stale'; readonly message: string }
  | { readonly kind: 'accepted'; readonly target: Omit<Desired, 'spec'>; readonly spec: MachineConfigSpec | undefined };

/** What to do with a MachineConfigNode. `spec` is undefined when the rendered config has to be fetched. Pure. */
export function acceptDesired(node: MachineConfigNode, previous: Desired | undefined): Acceptance {
  const { uid = '', generation = 0 } = node.metadata;
  const config = node.spec.configVersion.desired;
  if (config === '') return { kind: 'unchanged' };
  if (previous?.uid === uid && generation < previous.generation) {
    const message = `generation ${generation} of the MachineConfigNode is older than ${previous.generation}, which was accepted`;
    return { kind: 'stale', message };
  }
  if (previous?.uid === uid && generation === previous.generation) return { kind: 'unchanged' };
  const target = {
    uid,
    generation,
    pool: node.spec.pool.name,
    config,
    image: node.spec.configImage?.desiredImage || undefined,
    phase: node.spec.update?.phase ?? 'Staged',
  };
  // A rendered config never changes, so one of the same name is the same.
  return { kind: 'accepted', target, spec: previous?.config === config ? previous.spec : undefined };
}

/** The image falls back to the config's own, for a control plane that sets no `configImage`. */
export function withConfig(target: Omit<Desired, 'spec'>, spec: MachineConfig['spec']): Desired {
  return { ...target, image: target.image ?? (spec.osImageURL || undefined), spec };
}
