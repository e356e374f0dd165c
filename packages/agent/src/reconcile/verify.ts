// What booted must be what was applied, in every detail, and healthy, before the update counts as done. An update that is
// neither by its deadline is given up: it is remembered as failed, and the next difference takes the host back.
import { defaultHealthDeadline, type HealthChecks, type Node } from '@varve/api';
import * as z from 'zod';
import type { HostDriver } from '../driver/driver.ts';
import { checkTimeoutOf } from '../health/check-timeout.ts';
import { type FailedTarget, HealthError } from '../health/failed-target.ts';
import { contentCheck } from '../health/host-health.ts';
import { checkNodeReady, isNodeReady } from '../health/kubelet.ts';
import { currentProbation, type Probation } from '../health/probation.ts';
import { checkControlPlane, probeAll } from '../health/probe.ts';
import { type CheckResult, passed, type Verdict } from '../health/result.ts';
import { untilHealthy } from '../health/until-healthy.ts';
import { readState, writeState } from '../state/durable-file.ts';
import type { StatePaths } from '../state/paths.ts';
import type { Desired } from './desired.ts';
import { type Actual, failedTarget } from './diff.ts';
import { recordVerified } from './load-actual.ts';

/** Name of the check that the control plane is reached. */
export const controlPlaneCheck = 'control-plane';

/** How the host was when the update began. */
const departureSchema = z.object({ config: z.string(), reached: z.boolean(), ready: z.boolean().default(false) });
type Departure = z.infer<typeof departureSchema>;

export interface VerifyContext {
  readonly driver: Pick<HostDriver, 'checkHealth' | 'markGood' | 'recordFailure' | 'forgetFailure'>;
  readonly paths: StatePaths;
  readonly actual: Actual;
  readonly desired: Desired | undefined;
  readonly signal: AbortSignal;
  /** Whether the control plane is reached now. */
  readonly isReached: () => boolean;
  /** The host's own Node; undefined while it cannot be had. */
  readonly readNode: (signal: AbortSignal) => Promise<Node | undefined>;
  /** A check that is not required failed. */
  readonly onWarning: (check: CheckResult) => void;
  readonly onMessage: (message: string) => void;
}

/** Before an update: a host that cannot reach its control plane now need not reach it after, and a node that is not ready now need not be so. */
export async function recordDeparture(context: VerifyContext): Promise<void> {
  const { paths, actual, desired, isReached, readNode, signal } = context;
  const node = await readNode(signal);
  const ready = node !== undefined && isNodeReady(node, actual.host.bootId);
  const departure = { config: desired?.config ?? '', reached: isReached(), ready } satisfies Departure;
  await writeState(paths.departure, departure);
}

/** Throws HEALTH_FAILED or VERIFY_FAILED at the deadline; the target is given up when it was on probation. */
export async function verify(context: VerifyContext): Promise<void> {
  const { driver, paths, actual, signal } = context;
  const probation = currentProbation(actual.host);
  const suspect = probation ? undefined : suspectOf(context);
  const verdict = await lookUntilGood(context, probation, suspect !== undefined);
  for (const warning of verdict.warnings) context.onWarning(warning);
  if (verdict.failing?.name === controlPlaneCheck && suspect) await driver.forgetFailure(suspect, signal);
  else if (verdict.failing) throw await giveUp(verdict.failing, probation, context);
  await driver.markGood(signal);
  await recordVerified(paths, actual);
}

/**
 * A target that was given up because the control plane was not reached. When the deployment before it, which runs now,
 * does not reach it either, the target was not to blame.
 */
function suspectOf({ actual: { host }, desired }: VerifyContext): FailedTarget | undefined {
  const target = desired && failedTarget(host, desired);
  return target?.check === controlPlaneCheck ? target : undefined;
}

async function lookUntilGood(
  context: VerifyContext,
  probation: Probation | undefined,
  hasSuspect: boolean,
): Promise<Verdict> {
  const { driver, desired, signal, isReached, readNode } = context;
  const { booted, bootId } = context.actual.host;
  const checks: HealthChecks = desired?.health ?? {};
  const departure = await departureOf(context, probation);
  const wasReached = hasSuspect || departure?.reached === true;
  const wasReady = departure?.ready === true && checks.nodeReady !== false;
  const checkTimeout = checkTimeoutOf(checks);
  return await untilHealthy({
    deadline: (checks.deadlineSeconds ?? defaultHealthDeadline) * 1000,
    async look(remaining) {
      return [
        ...(await driver.checkHealth({ checkTimeout, remaining, drift: desired?.drift, signal })),
        ...(await probeAll(checks, { remaining, root: booted.root, signal })),
        checks.controlPlane === false ? passed(controlPlaneCheck) : checkControlPlane(wasReached, isReached()),
        checkNodeReady(wasReady ? await readNode(signal) : undefined, wasReady, bootId),
      ];
    },
    onWaiting: ({ name, message }) => context.onMessage(`waiting for ${name}: ${message}`),
    signal,
  });
}

/** How the host was before the update that is on probation; undefined when none is, or when that is not known. */
async function departureOf({ paths }: VerifyContext, probation: Probation | undefined): Promise<Departure | undefined> {
  const departure = await readState(paths.departure, departureSchema);
  return probation !== undefined && departure?.config === probation.config ? departure : undefined;
}

/** The error to throw. Written down first: the host may go down at any moment now. */
async function giveUp(
  failing: CheckResult,
  probation: Probation | undefined,
  { driver, signal }: VerifyContext,
): Promise<HealthError> {
  const isContent = failing.name === contentCheck;
  const code = isContent ? 'VERIFY_FAILED' : 'HEALTH_FAILED';
  const what = isContent ? `after the boot ${failing.message}` : `check ${failing.name} ${failing.message}`;
  const check = isContent ? undefined : failing.name;
  const output = failing.output === '' ? undefined : failing.output;
  if (!probation) {
    return new HealthError(code, `${what}; put it right: it is looked at again`, { check, output });
  }
  const { config, image } = probation;
  const message = `${what}; ${config} is not tried again here: put the cause right, then give the host another config or image`;
  const target: FailedTarget = {
    ...{ config, image, code, message: message.slice(0, 4096), time: new Date().toISOString() },
    ...(check === undefined ? {} : { check }),
    ...(output === undefined ? {} : { output }),
  };
  await driver.recordFailure(target, signal);
  return new HealthError(code, message, { check, output, failed: target });
}
