// Does one step of the difference. Every step can be killed anywhere and is found again by the next difference.
import type { UpdateStep } from '@varve/api';
import type { HostDriver, StageProgress } from '../driver/driver.ts';
import { AgentError } from '../error.ts';
import type { Desired } from './desired.ts';
import type { Step } from './diff.ts';
import { recordDeparture, type VerifyContext, verify } from './verify.ts';

export interface StepContext extends VerifyContext {
  readonly driver: HostDriver;
  readonly onProgress: (progress: StageProgress) => void;
}

/** Which step of an update a step belongs to; undefined for housekeeping. */
export const updateStepOf: Readonly<Record<Step['kind'], UpdateStep | undefined>> = {
  Stage: 'Staging',
  Apply: 'Applying',
  ApplyLive: 'Applying',
  UndoLive: 'Applying',
  Reboot: 'Rebooting',
  Verify: 'Verifying',
  SetNextBoot: undefined,
  CollectGarbage: undefined,
};

export async function applyStep(step: Step, context: StepContext): Promise<void> {
  const { driver, signal } = context;
  switch (step.kind) {
    case 'Stage':
      return await driver.stage({ target: targetOf(context), signal, onProgress: context.onProgress });
    case 'Apply':
      await recordDeparture(context);
      return await driver.apply({ target: targetOf(context), signal, onStep: context.onMessage });
    case 'ApplyLive':
      await recordDeparture(context);
      return await driver.applyLive({ target: targetOf(context), signal, onStep: context.onMessage });
    case 'UndoLive':
      return await driver.undoLive(signal);
    case 'SetNextBoot':
      return await driver.setNextBoot(step.deployment ?? context.actual.host.booted.name, signal);
    case 'Reboot':
      return await driver.reboot(signal);
    case 'Verify':
      return await verify(context);
    case 'CollectGarbage':
      return await driver.collectGarbage(signal);
  }
}

function targetOf({ desired }: StepContext): Desired {
  if (!desired) throw new AgentError('STATE_CORRUPT', 'an update was begun without a target; start the agent again');
  return desired;
}
