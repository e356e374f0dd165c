// What the agent knows at a moment, before it becomes a status.
import type { UpdateStep } from '@varve/api';
import type { Drift } from '../content/check.ts';
import type { HostOutline } from '../driver/driver.ts';
import type { Desired } from '../reconcile/desired.ts';
import type { Told } from './drain.ts';
import type { Failure } from './failure.ts';

export interface ReportedFailure extends Failure {
  readonly config: string | undefined;
  readonly step: UpdateStep;
  readonly time: string;
}

export interface View {
  readonly desired?: Desired | undefined;
  readonly host?: HostOutline | undefined;
  /** Whether the booted deployment was found as applied; before that it counts as nothing. */
  readonly verified: boolean;
  /** Step of the update that runs; while it fails, the one that failed is in `failure`. */
  readonly step: UpdateStep;
  /** Config that the step is for. */
  readonly config?: string | undefined;
  readonly message: string;
  readonly startedAt?: string | undefined;
  readonly progress?: { readonly bytesDone: number; readonly bytesTotal: number } | undefined;
  readonly failure?: ReportedFailure | undefined;
  /** What is told of its drain and cordon; undefined until the control plane has shown them. */
  readonly drained?: Told | undefined;
  readonly cordoned?: Told | undefined;
  readonly drift: readonly Drift[];
  /** Log lines that somebody asked for. */
  readonly logs?: { readonly requested: string; readonly text: string } | undefined;
  /** Paths that were repaired too often, and are left alone for a while. */
  readonly leftAlone: readonly string[];
}

export const initialView: View = { verified: false, step: 'Idle', message: '', drift: [], leftAlone: [] };
