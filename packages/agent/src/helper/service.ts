// What the helper does for the network side, and no more: a fixed list of verbs, each with its arguments parsed and its
// own rule of what is refused. The rules assume that the caller has been taken over.

import { driftPolicySchema } from '@varve/api';
import * as z from 'zod';
import type { HostDriver } from '../driver/driver.ts';
import { AgentError } from '../error.ts';
import { failedTargetSchema } from '../health/failed-target.ts';
import { judge } from '../health/result.ts';
import type { Answer, CallContext } from './channel.ts';
import { Exclusive } from './exclusive.ts';
import type { RootGate } from './gate.ts';
import { nextBootProblem, rollbackProblem } from './next-boot.ts';
import { signedTargetSchema } from './signed-target-schema.ts';
import type { VerifiedTarget } from './verify.ts';

const nothing = z.null();
const targetParams = z.strictObject({ target: signedTargetSchema });
const chainParams = z.strictObject({ chain: z.array(z.string()).max(1000) });
const envelopeParams = z.strictObject({ envelope: z.string() });
const bootParams = z.strictObject({ deployment: z.string().regex(/^[0-9a-f]{64}\.[0-9]{1,9}$/) });
const healthParams = z.strictObject({
  checkTimeout: z.int().min(1).max(600_000),
  remaining: z.number().min(0).max(3_600_000),
  drift: driftPolicySchema.optional(),
});
const driftParams = z.strictObject({ thorough: z.boolean() });
const repairParams = z.strictObject({
  target: signedTargetSchema,
  paths: z.array(z.string().max(4096).startsWith('/')).max(256),
});

type Verb = (params: unknown, context: CallContext) => Promise<unknown>;

export interface ServiceOptions {
  readonly driver: HostDriver;
  readonly gate: RootGate;
  /** Called when a boot was asked for and is on its way. */
  readonly onReboot: () => void;
}

export class HelperService {
  readonly #driver: HostDriver;
  readonly #gate: RootGate;
  readonly #onReboot: () => void;
  readonly #changes = new Exclusive();
  /** Whether the last look at the host's health, by this client and since the last change, found it good. */
  #healthy = false;
  readonly #verbs: ReadonlyMap<string, Verb>;

  constructor({ driver, gate, onReboot }: ServiceOptions) {
    this.#driver = driver;
    this.#gate = gate;
    this.#onReboot = onReboot;
    this.#verbs = new Map([...this.#looks(), ...this.#changesOfState(), ...this.#changesOfHost()]);
  }

  readonly answer: Answer = async (name, params, context) => {
    const verb = this.#verbs.get(name);
    if (!verb) throw refused(`there is no verb ${JSON.stringify(name)}`);
    return (await verb(params, context)) ?? null;
  };

  /** Another client: what was done for the one before does not count for it. */
  welcome(): void {
    this.#healthy = false;
  }

  /** Change nothing, and run beside anything. */
  #looks(): [string, Verb][] {
    return [
      ['status', verb(nothing, async (_, { signal }) => await this.#driver.status(signal))],
      ['trust', verb(nothing, async () => await this.#gate.trust())],
      ['check', verb(envelopeParams, async ({ envelope }) => void (await this.#gate.check(envelope)))],
      [
        'checkDrift',
        verb(driftParams, async ({ thorough }, { signal }) => await this.#driver.checkDrift({ thorough, signal })),
      ],
      [
        'checkHealth',
        verb(healthParams, async (params, { signal }) => {
          const results = await this.#driver.checkHealth({ ...params, drift: params.drift, signal });
          this.#healthy = judge(results).healthy;
          return results;
        }),
      ],
    ];
  }

  /** Change what root remembers. */
  #changesOfState(): [string, Verb][] {
    return [
      this.#change('admit', targetParams, async ({ target }) => void (await this.#gate.admit(target))),
      this.#change('followKeys', chainParams, async ({ chain }) => await this.#gate.followKeys(chain)),
      this.#change('markGood', nothing, async (_, { signal }) => {
        if (!this.#healthy) throw refused('what runs was not found healthy');
        await this.#driver.markGood(signal);
      }),
      this.#change('recordFailure', failedTargetSchema, (target, { signal }) =>
        this.#driver.recordFailure(target, signal),
      ),
      this.#change('forgetFailure', failedTargetSchema.pick({ config: true, image: true }), (target, { signal }) =>
        this.#driver.forgetFailure(target, signal),
      ),
    ];
  }

  #changesOfHost(): [string, Verb][] {
    const driver = this.#driver;
    return [
      this.#change('recover', nothing, (_, { signal }) => driver.recover(signal)),
      this.#change('stage', targetParams, async ({ target }, { signal, notify }) => {
        await driver.stage({ target: await this.#gate.admit(target), signal, onProgress: notify });
      }),
      this.#change('apply', targetParams, async ({ target }, { signal, notify }) => {
        await driver.apply({ target: this.#approve(await this.#gate.admit(target)), signal, onStep: notify });
      }),
      this.#change('applyLive', targetParams, async ({ target }, { signal, notify }) => {
        await driver.applyLive({ target: this.#approve(await this.#gate.admit(target)), signal, onStep: notify });
      }),
      this.#change('undoLive', nothing, (_, { signal }) => driver.undoLive(signal)),
      this.#change('repair', repairParams, async ({ target, paths }, { signal }) => {
        await this.#repair(await this.#gate.admit(target), paths, signal);
      }),
      this.#change('setNextBoot', bootParams, async ({ deployment }, { signal }) => {
        const host = await driver.status(signal);
        refuseIf(nextBootProblem(host, deployment, await this.#gate.newest()));
        await driver.setNextBoot(deployment, signal);
      }),
      this.#change('rollback', nothing, async (_, { signal }) => {
        refuseIf(rollbackProblem(await driver.status(signal)));
        await driver.rollback(signal);
      }),
      this.#change('collectGarbage', nothing, (_, { signal }) => driver.collectGarbage(signal)),
      this.#change('reboot', nothing, async (_, { signal }) => {
        await driver.reboot(signal);
        this.#onReboot();
      }),
    ];
  }

  #change<P>(
    name: string,
    schema: z.ZodType<P>,
    run: (params: P, context: CallContext) => Promise<unknown>,
  ): [string, Verb] {
    const exclusive = verb(schema, (params: P, context) =>
      this.#changes.run(async () => {
        context.signal.throwIfAborted();
        return await run(params, context);
      }),
    );
    return [name, exclusive];
  }

  /** A target may be staged by everyone who has it, and applied when the control plane has given the host its slot. */
  #approve(target: VerifiedTarget): VerifiedTarget {
    this.#healthy = false;
    if (target.phase === 'Applied') return target;
    throw refused(`config ${target.config} is to be staged only; the host has no slot to apply it`);
  }

  /** What runs is put back to what was signed for it; another target's content is applied, not repaired. */
  async #repair(target: VerifiedTarget, paths: readonly string[], signal: AbortSignal): Promise<void> {
    const { booted } = await this.#driver.status(signal);
    if (booted.applied?.config !== target.config) throw refused(`config ${target.config} is not what runs`);
    await this.#driver.repair({ target, paths, signal });
  }
}

function verb<P>(schema: z.ZodType<P>, run: (params: P, context: CallContext) => Promise<unknown>): Verb {
  return async (params, context) => {
    const parsed = schema.safeParse(params);
    if (parsed.success) return await run(parsed.data, context);
    const [issue] = parsed.error.issues;
    throw refused(`an argument is wrong: ${issue?.path.join('.')} ${issue?.message ?? ''}`.slice(0, 512));
  };
}

function refuseIf(problem: string | undefined): void {
  if (problem) throw refused(problem);
}

function refused(what: string): AgentError {
  return new AgentError('HELPER_REFUSED', `the helper refuses, and changes nothing: ${what}`);
}
