// What the drain controller found, as it stands on the host's MachineConfigNode: whatever starts after a crash goes on
// from there, and `varve why` tells it.
import { drainAnnotation, type MachineConfigNode, textAt } from '@varve/api';

export const drainStates = ['Draining', 'Blocked', 'TimedOut', 'Again'] as const;
/**
 * Draining: pods are leaving. Blocked: it could never end, so that the host has no slot. TimedOut: its slot was given
 * back. Again: after that, another try is due, once the others have had theirs.
 */
export type DrainState = (typeof drainStates)[number];

export interface DrainRecord {
  readonly state: DrainState;
  /** The rendered config for which the host was to be drained; a record for another one says nothing. */
  readonly config: string;
  /** What is in the way, for people. */
  readonly guard: string;
  /** RFC 3339: since when it is in this state. */
  readonly since: string;
}

/** The record for what the host is aimed at now. */
export function readRecord({ metadata, spec }: MachineConfigNode): DrainRecord | undefined {
  const text = metadata.annotations?.[drainAnnotation];
  if (text === undefined) return undefined;
  const value = parse(text);
  const state = drainStates.find((known) => known === textAt(value, 'state'));
  const config = textAt(value, 'config');
  if (state === undefined || config !== spec.configVersion.desired) return undefined;
  return { state, config, guard: textAt(value, 'guard'), since: textAt(value, 'since') };
}

/** The object with `record` in the place of the one that it has; without any when undefined. */
export function withRecord(state: MachineConfigNode, record: DrainRecord | undefined): MachineConfigNode {
  const { [drainAnnotation]: _old, ...others } = state.metadata.annotations ?? {};
  const annotations = record ? { ...others, [drainAnnotation]: JSON.stringify(record) } : others;
  return { ...state, metadata: { ...state.metadata, annotations } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Somebody else wrote it: no record of ours.
    return undefined;
  }
}
