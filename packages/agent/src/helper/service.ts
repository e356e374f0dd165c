// What the helper does for the network side, and no more: a fixed list of verbs, each with its arguments parsed and its
// own rule of what is refused. The rules assume that the caller has been taken over.

import * as z from 'zod';
import type { HostDriver } from '../driver/driver.ts';
import { AgentError } from '../error.ts';
import { checkTimeoutOf } from '../health/check-timeout.ts';
import { failedTargetSchema } from '../health/failed-target.ts';
import { type CheckResult, judge } from '../health/result.ts';
import type { Answer, CallContext } from './channel.ts';
import { Exclusive } from './exclusive.ts';
import type { RootGate } from './gate.ts';
import { outlineOf } from './host-outline.ts';
import { HealthProof } from './proof.ts';
import {
  applyProblem,
  failureProblem,
  forgetProblem,
  nextBootProblem,
  rebootProblem,
  rollbackProblem,
  undoProblem,
} from './rules.ts';
import { signedTargetSchema } from './signed-target-schema.ts';
import type { SignedTarget, VerifiedTarget } from './verify.ts';

const nothing = z.null();
const targetParams = z.strictObject({ target: signedTargetSchema });
const chainParams = z.strictObject({ chain: z.array(z.string()).max(1000) });
const envelopeParams = z.strictObject({ envelope: z.string() });
const bootParams = z.strictObject({ deployment: z.string().regex(/^[0-9a-f]{64}\.[0-9]{1,9}$/) });
/** What else there is to say about a look at the host's health, the newest signed target says. */
const healthParams = z.strictObject({ remaining: z.number().min(0).max(3_600_000) });
/** As it is remembered, and no longer than it has to be. */
const failureParams = failedTargetSchema.extend({
  config: z.string().max(253),
  image: z.string().max(4096),
  code: z.string().max(64),
  time: z.string().max(64),
});
const driftParams = z.strictObject({ thorough: z.boolean() });
const repairParams = z.strictObject({
  target: signedTargetSchema,
  paths: z.array(z.string().max(4096).startsWith('/')).max(256),
});

type Verb = (params: unknown, context: CallContext) => Promise<unknown>;
type ChangeArguments<P> = [
  name: string,
  schema: z.ZodType<P>,
  run: (params: P, context: CallContext) => Promise<unknown>,
];

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
  /** By this client, and since the last change. */
  readonly #proof = new HealthProof();
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
    this.#proof.forget();
  }

  /** Change nothing, and run beside anything. */
  #looks(): [string, Verb][] {
    return [
      ['status', verb(nothing, async (_, { signal }) => outlineOf(await this.#driver.status(signal)))],
      ['trust', verb(nothing, async () => await this.#gate.trust())],
      ['check', verb(envelopeParams, async ({ envelope }) => void (await this.#gate.check(envelope)))],
      [
        'checkDrift',
        verb(driftParams, async ({ thorough }, { signal }) => await this.#driver.checkDrift({ thorough, signal })),
      ],
      ['checkHealth', verb(healthParams, ({ remaining }, { signal }) => this.#checkHealth(remaining, signal))],
    ];
  }

  /** Change what root remembers. */
  #changesOfState(): [string, Verb][] {
    return [
      this.#change('admit', targetParams, async ({ target }) => void (await this.#gate.admit(target))),
      this.#change('followKeys', chainParams, async ({ chain }) => await this.#gate.followKeys(chain)),
      this.#change('liveActions', targetParams, async ({ target }, { signal }) =>
        this.#driver.liveActions(await this.#gate.admit(target), signal),
      ),
      this.#change('markGood', nothing, async (_, { signal }) => {
        if (!this.#proof.isHealthy) throw refused('what runs was not found healthy');
        await this.#driver.markGood(signal);
      }),
      this.#change('recordFailure', failureParams, async (target, { signal }) => {
        refuseIf(failureProblem(await this.#driver.status(signal), target, new Date()));
        await this.#driver.recordFailure(target, signal);
      }),
      this.#change('forgetFailure', failureParams.pick({ config: true, image: true }), async (target, { signal }) => {
        refuseIf(forgetProblem(await this.#driver.status(signal), target));
        await this.#driver.forgetFailure(target, signal);
      }),
    ];
  }

  #changesOfHost(): [string, Verb][] {
    const driver = this.#driver;
    return [
      this.#changeOfWhatRuns('recover', nothing, (_, { signal }) => driver.recover(signal)),
      this.#change('stage', targetParams, async ({ target }, { signal, notify }) => {
        await driver.stage({ target: await this.#gate.admit(target), signal, onProgress: notify });
      }),
      this.#changeOfWhatRuns('apply', targetParams, async ({ target }, { signal, notify }) => {
        await driver.apply({ target: await this.#approve(target, signal), signal, onStep: notify });
      }),
      this.#changeOfWhatRuns('applyLive', targetParams, async ({ target }, { signal, notify }) => {
        await driver.applyLive({ target: await this.#approve(target, signal), signal, onStep: notify });
      }),
      this.#changeOfWhatRuns('undoLive', nothing, async (_, { signal }) => {
        refuseIf(undoProblem(await driver.status(signal)));
        await driver.undoLive(signal);
      }),
      this.#changeOfWhatRuns('repair', repairParams, async ({ target, paths }, { signal }) => {
        await this.#repair(await this.#gate.admit(target), paths, signal);
      }),
      this.#changeOfWhatRuns('setNextBoot', bootParams, async ({ deployment }, { signal }) => {
        const host = await driver.status(signal);
        refuseIf(nextBootProblem(host, deployment, await this.#gate.newest()));
        await driver.setNextBoot(deployment, signal);
      }),
      this.#changeOfWhatRuns('rollback', nothing, async (_, { signal }) => {
        refuseIf(rollbackProblem(await driver.status(signal)));
        await driver.rollback(signal);
      }),
      this.#change('collectGarbage', nothing, (_, { signal }) => driver.collectGarbage(signal)),
      this.#change('reboot', nothing, async (_, { signal }) => {
        refuseIf(rebootProblem(await driver.status(signal)));
        await driver.reboot(signal);
        this.#onReboot();
      }),
    ];
  }

  #change<P>(...[name, schema, run]: ChangeArguments<P>): [string, Verb] {
    const exclusive = verb(schema, (params: P, context) =>
      this.#changes.run(async () => {
        context.signal.throwIfAborted();
        return await run(params, context);
      }),
    );
    return [name, exclusive];
  }

  /** A look that overlaps with it proves nothing. */
  #changeOfWhatRuns<P>(...[name, schema, run]: ChangeArguments<P>): [string, Verb] {
    return this.#change(name, schema, (params, context) => this.#proof.during(() => run(params, context)));
  }

  /** By what the newest signed target says of health and drift: who asks may not say what to pass over. */
  async #checkHealth(remaining: number, signal: AbortSignal): Promise<readonly CheckResult[]> {
    const newest = await this.#gate.newest();
    const request = { checkTimeout: checkTimeoutOf(newest?.health), remaining, drift: newest?.drift, signal };
    return await this.#proof.by(async () => {
      const results = await this.#driver.checkHealth(request);
      return [judge(results).healthy, results] as const;
    });
  }

  async #approve(signed: SignedTarget, signal: AbortSignal): Promise<VerifiedTarget> {
    const target = await this.#gate.admit(signed);
    refuseIf(applyProblem(await this.#driver.status(signal), target));
    return target;
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
