// What people read in `kubectl describe` about a host's way through a rollout.
import type { MachineConfigNode, MachineConfigPool } from '@varve/api';
import type { ControllerContext } from '../context.ts';

/** Told from two states of one node as its agent reported them. */
export function recordProgress(
  events: ControllerContext['events'],
  pool: MachineConfigPool | undefined,
  old: MachineConfigNode,
  next: MachineConfigNode,
): void {
  const name = next.metadata.name ?? '';
  const current = next.status?.configVersion?.current;
  if (current && current !== old.status?.configVersion?.current) {
    tell(events, pool, next, 'Normal', 'HostUpdated', `${name} runs ${current}`);
  }
  const failure = next.status?.update?.lastFailure;
  if (failure && failure.time !== old.status?.update?.lastFailure?.time) {
    const config = failure.config ?? next.spec.configVersion.desired;
    const message = `${name} failed on ${config} while ${failure.step ?? 'updating'}: ${failure.code}: ${failure.message}`;
    tell(events, pool, next, 'Warning', 'HostFailed', message);
  }
}

function tell(
  events: ControllerContext['events'],
  pool: MachineConfigPool | undefined,
  node: MachineConfigNode,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  events.record(node, type, reason, message);
  if (pool) events.record(pool, type, reason, message);
}
