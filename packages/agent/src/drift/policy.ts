// What is done about a difference: the administrator's word for each path, and what can be done at all. Pure.
import { type DriftPolicy, driftActionOf } from '@varve/api';
import type { Drift } from '../content/check.ts';

/** Kinds that are bytes and attributes of managed paths. Kernel arguments and the image take effect with a boot only. */
const repairable = new Set<Drift['kind']>([
  'Content',
  'Mode',
  'Owner',
  'ExtendedAttributes',
  'Missing',
  'Type',
  'Unit',
]);

/** What is told: all but what is to be ignored. */
export function reportedDrift(drift: readonly Drift[], policy: DriftPolicy = []): Drift[] {
  return drift.filter(({ path }) => driftActionOf(policy, path) !== 'Ignore');
}

/** Paths that are to be put back, each once. */
export function repairablePaths(drift: readonly Drift[], policy: DriftPolicy = []): string[] {
  const due = drift.filter(({ path, kind }) => repairable.has(kind) && driftActionOf(policy, path) === 'Repair');
  return [...new Set(due.map(({ path }) => path))];
}
