// What is desired of this host, as it was last accepted: the verified target, and which object brought it. It is kept
// on disk: the agent works on while the control plane is away.
import {
  type MachineConfigNode,
  type MachineConfigSpec,
  signedTargetAnnotation,
  type TargetStatement,
} from '@varve/api';
import * as z from 'zod';
import { receivedSpecSchema } from '../helper/signed-target-schema.ts';
import type { VerifiedTarget } from '../helper/verify.ts';

export interface Desired extends VerifiedTarget {
  /** Identity and generation of the MachineConfigNode whose spec the target is. */
  readonly uid: string;
  readonly generation: number;
}

/** What is kept on disk. It is verified again each time it is read: the file decides nothing. */
export interface KeptDesired {
  readonly uid: string;
  readonly generation: number;
  readonly envelope: string;
  readonly spec: MachineConfigSpec;
}

export const keptDesiredSchema: z.ZodType<KeptDesired> = z.object({
  uid: z.string(),
  generation: z.int(),
  envelope: z.string(),
  spec: receivedSpecSchema,
});

export type Acceptance =
  /** Nothing is desired, or nothing else than before. */
  | { readonly kind: 'unchanged' }
  /** An object from before what was already accepted: a stale cache, or a replay. */
  | { readonly kind: 'stale'; readonly message: string }
  /** The object asks for something and nobody has signed anything. */
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'signed'; readonly envelope: string };

/** What to do with a MachineConfigNode. Pure. */
export function acceptDesired(node: MachineConfigNode, previous: KeptDesired | undefined): Acceptance {
  const { uid = '', generation = 0 } = node.metadata;
  if (node.spec.configVersion.desired === '') return { kind: 'unchanged' };
  if (previous?.uid === uid && generation < previous.generation) {
    const message = `generation ${generation} of the MachineConfigNode is older than ${previous.generation}, which was accepted`;
    return { kind: 'stale', message };
  }
  const envelope = node.metadata.annotations?.[signedTargetAnnotation];
  if (envelope === undefined) return { kind: 'unsigned' };
  const isSame = previous?.uid === uid && previous.generation === generation && previous.envelope === envelope;
  if (isSame) return { kind: 'unchanged' };
  return { kind: 'signed', envelope };
}

/** Whether a spec asks for what was signed. Between a change of the spec and its signature it does not. */
export function isSpecOf({ spec }: MachineConfigNode, statement: TargetStatement): boolean {
  return (
    spec.configVersion.desired === statement.config &&
    (spec.configImage?.desiredImage || undefined) === statement.image &&
    (spec.update?.phase ?? 'Staged') === statement.phase &&
    spec.pool.name === statement.pool
  );
}
