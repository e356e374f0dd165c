// Conditions of an object's status (Kubernetes API conventions, "Typical status properties").
import type { Condition } from '@varve/api';

/** A condition as a controller finds it; the time of its last transition follows from what stood there before. */
export type ConditionUpdate = Omit<Condition, 'lastTransitionTime'>;

/** metav1.Condition: a longer message would have the whole status refused. */
const maxMessageLength = 32_768;

/** Whether the condition of `type` is there and True. */
export function isConditionTrue(
  conditions: readonly Pick<Condition, 'type' | 'status'>[] | undefined,
  type: string,
): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

/**
 * `conditions` with `update` in place of the one of its type, or appended. lastTransitionTime moves only when the status
 * changes. When nothing changes, the result is the given array itself, so that the caller can leave out the write.
 */
export function setCondition(
  conditions: readonly Condition[],
  { message, ...rest }: ConditionUpdate,
  now: Date = new Date(),
): readonly Condition[] {
  const update = { ...rest, message: message.slice(0, maxMessageLength).toWellFormed() };
  const index = conditions.findIndex((condition) => condition.type === update.type);
  const old = conditions[index];
  if (old === undefined) return [...conditions, { ...update, lastTransitionTime: formatTime(now) }];
  if (isSame(old, update)) return conditions;
  const lastTransitionTime = old.status === update.status ? old.lastTransitionTime : formatTime(now);
  return conditions.with(index, { ...update, lastTransitionTime });
}

function isSame(old: Condition, update: ConditionUpdate): boolean {
  return (
    old.status === update.status &&
    old.reason === update.reason &&
    old.message === update.message &&
    old.observedGeneration === update.observedGeneration
  );
}

/** metav1.Time: RFC 3339 in whole seconds of UTC. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
