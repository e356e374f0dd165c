// How far the host's workloads have left it, and whether new ones may come: the controllers see to both, and the host tells
// it with the rest of its update. Pure.
import {
  type Condition,
  cordonedAnnotation,
  drainAnnotation,
  type MachineConfigNode,
  type Node,
  textAt,
} from '@varve/api';

/** A condition as it is to be told. */
export type Told = Pick<Condition, 'status' | 'reason' | 'message'>;

/** States in which the controllers have given a drain up, for now. */
const givenUp = ['Blocked', 'TimedOut', 'Again'];

export function drainedOf({ metadata, spec }: MachineConfigNode): Told {
  const record = parse(metadata.annotations?.[drainAnnotation]);
  const isForTarget = textAt(record, 'config') === spec.configVersion.desired;
  const message = isForTarget ? textAt(record, 'guard') : '';
  const { phase, drain } = spec.update ?? {};
  if (drain !== undefined) {
    return phase === 'Applied'
      ? { status: 'True', reason: 'Done', message: '' }
      : { status: 'Unknown', reason: 'Running', message };
  }
  if (phase === 'Applied') return { status: 'False', reason: 'NotNeeded', message: '' };
  const state = isForTarget ? givenUp.find((known) => known === textAt(record, 'state')) : undefined;
  return { status: 'False', reason: state ?? 'NotStarted', message: state === undefined ? '' : message };
}

export function cordonedOf({ metadata, spec }: Node): Told {
  if (spec?.unschedulable !== true) return { status: 'False', reason: 'Schedulable', message: '' };
  return metadata.annotations?.[cordonedAnnotation] === undefined
    ? { status: 'True', reason: 'ByOthers', message: 'somebody else has cordoned it, and takes that back' }
    : { status: 'True', reason: 'ForUpdate', message: '' };
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
