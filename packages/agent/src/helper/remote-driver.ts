// The host by way of the helper: the reconciler's two interfaces, each call a verb on the socket. It decides nothing; the
// helper checks everything again.
import { type Action, actionSchema, driftEntrySchema, type TargetStatement } from '@varve/api';
import * as z from 'zod';
import type { Drift } from '../content/check.ts';
import type {
  ApplyRequest,
  DriftRequest,
  HealthRequest,
  HostDriver,
  HostOutline,
  RepairRequest,
  StageRequest,
} from '../driver/driver.ts';
import { AgentError } from '../error.ts';
import type { FailedTarget } from '../health/failed-target.ts';
import { type CheckResult, checkResultSchema } from '../health/result.ts';
import type { HelperConnection } from './connection.ts';
import type { TargetGate } from './gate.ts';
import { outlineOf } from './host-outline.ts';
import { type Trust, trustSchema } from './trust.ts';
import { type SignedTarget, type VerifiedTarget, verifyStatement, verifyTarget } from './verify.ts';

const progressSchema = z.object({ bytesDone: z.number(), bytesTotal: z.number(), step: z.string() });
const stepSchema = z.string();

type Caller = Pick<HelperConnection, 'call'>;

export class RemoteDriver implements HostDriver {
  readonly #helper: Caller;

  constructor(helper: Caller) {
    this.#helper = helper;
  }

  async status(signal: AbortSignal): Promise<HostOutline> {
    return outlineOf(await this.#helper.call('status', null, { signal }));
  }

  async liveActions(target: VerifiedTarget, signal: AbortSignal): Promise<readonly Action[] | undefined> {
    const actions = await this.#helper.call('liveActions', { target: signedOf(target) }, { signal });
    return z.array(actionSchema).nullable().parse(actions) ?? undefined;
  }

  async recover(signal: AbortSignal): Promise<void> {
    await this.#helper.call('recover', null, { signal });
  }

  async stage({ target, signal, onProgress }: StageRequest): Promise<void> {
    const onNotice = (value: unknown) => onProgress(progressSchema.parse(value));
    await this.#helper.call('stage', { target: signedOf(target) }, { signal, onNotice });
  }

  async apply({ target, signal, onStep }: ApplyRequest): Promise<void> {
    const onNotice = (value: unknown) => onStep(stepSchema.parse(value));
    await this.#helper.call('apply', { target: signedOf(target) }, { signal, onNotice });
  }

  async applyLive({ target, signal, onStep }: ApplyRequest): Promise<void> {
    const onNotice = (value: unknown) => onStep(stepSchema.parse(value));
    await this.#helper.call('applyLive', { target: signedOf(target) }, { signal, onNotice });
  }

  async undoLive(signal: AbortSignal): Promise<void> {
    await this.#helper.call('undoLive', null, { signal });
  }

  async repair({ target, paths, signal }: RepairRequest): Promise<void> {
    await this.#helper.call('repair', { target: signedOf(target), paths }, { signal });
  }

  async setNextBoot(deployment: string, signal: AbortSignal): Promise<void> {
    await this.#helper.call('setNextBoot', { deployment }, { signal });
  }

  async rollback(signal: AbortSignal): Promise<void> {
    await this.#helper.call('rollback', null, { signal });
  }

  async checkDrift({ thorough, signal }: DriftRequest): Promise<readonly Drift[]> {
    return z.array(driftEntrySchema).parse(await this.#helper.call('checkDrift', { thorough }, { signal }));
  }

  /** What is ignored, and how long a check may take, the helper knows from the newest target. */
  async checkHealth({ remaining, signal }: HealthRequest): Promise<readonly CheckResult[]> {
    return z.array(checkResultSchema).parse(await this.#helper.call('checkHealth', { remaining }, { signal }));
  }

  async markGood(signal: AbortSignal): Promise<void> {
    await this.#helper.call('markGood', null, { signal });
  }

  async recordFailure(target: FailedTarget, signal: AbortSignal): Promise<void> {
    await this.#helper.call('recordFailure', target, { signal });
  }

  async forgetFailure({ config, image }: Pick<FailedTarget, 'config' | 'image'>, signal: AbortSignal): Promise<void> {
    await this.#helper.call('forgetFailure', { config, image }, { signal });
  }

  async collectGarbage(signal: AbortSignal): Promise<void> {
    await this.#helper.call('collectGarbage', null, { signal });
  }

  async reboot(signal: AbortSignal): Promise<void> {
    await this.#helper.call('reboot', null, { signal });
  }
}

export class RemoteGate implements TargetGate {
  readonly #helper: Caller;

  constructor(helper: Caller) {
    this.#helper = helper;
  }

  async check(envelope: string, signal: AbortSignal): Promise<TargetStatement> {
    await this.#helper.call('check', { envelope }, { signal });
    return verifyStatement(envelope, await this.#trust(signal), undefined);
  }

  async admit(target: SignedTarget, signal: AbortSignal): Promise<VerifiedTarget> {
    const { envelope, spec } = target;
    await this.#helper.call('admit', { target: { envelope, spec } }, { signal });
    return verifyTarget(target, await this.#trust(signal), undefined);
  }

  async followKeys(chain: readonly string[], signal: AbortSignal): Promise<boolean> {
    return z.boolean().parse(await this.#helper.call('followKeys', { chain }, { signal }));
  }

  async #trust(signal: AbortSignal): Promise<Trust | undefined> {
    return trustSchema.nullable().parse(await this.#helper.call('trust', null, { signal })) ?? undefined;
  }
}

function signedOf({ envelope, spec, config }: VerifiedTarget): SignedTarget {
  if (envelope !== undefined) return { envelope, spec };
  throw new AgentError('HELPER_REFUSED', `config ${config} is not signed; the helper takes only signed targets`);
}
