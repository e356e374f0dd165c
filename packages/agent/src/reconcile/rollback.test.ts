// Updates that turn out bad, in any order and interrupted anywhere: the host always ends on something good, and boots
// what failed once never again.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DeploymentOutline, HostOutline } from '../driver/driver.ts';
import { keptDeployments } from '../driver/kept.ts';
import { findFailed, withFailed, withoutFailed } from '../health/failed-target.ts';
import { currentProbation, fallenTarget } from '../health/probation.ts';
import { trustLocally } from '../helper/verify.ts';
import type { Desired } from './desired.ts';
import { type Actual, diff, failedTarget, type Step } from './diff.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const image = `registry.test/os@${digest}`;
const now = new Date('2026-01-01T00:00:00Z');

/** `sick` boots and is not healthy; `panic` does not come up at all. */
type Kind = 'good' | 'sick' | 'panic';

function deployment(name: string, config: string | undefined): DeploymentOutline {
  const applied = { version: 1 as const, deployment: name, image, kernelArguments: [], entries: [], units: [] };
  return {
    ...{ name, checksum: name, image, imageDigest: digest, kernelArguments: [], complete: true, root: `/${name}` },
    applied: { ...applied, ...(config ? { config } : {}) },
  };
}

function kindOf(config: string | undefined): Kind {
  if (config?.startsWith('sick')) return 'sick';
  return config?.startsWith('panic') ? 'panic' : 'good';
}

function desire(config: string): Desired {
  return { ...trustLocally({ config, image, spec: {} }), uid: 'u', generation: 1 };
}

class Host {
  actual: Actual;
  #made = 0;
  #boots = 0;

  constructor() {
    const first = deployment('first', undefined);
    const host = { deployments: [first], booted: first, bootId: '0', bootedKernelArguments: [] };
    const nothing = { staged: undefined, probation: undefined, failed: [], bootFellBack: false };
    this.actual = { host: { ...host, ...nothing, baseKernelArguments: [] }, verified: true };
  }

  get host(): HostOutline {
    return this.actual.host;
  }

  /** One pass of the agent, cut off after so many steps. */
  pass(wanted: Desired, steps = 10): void {
    const fallen = fallenTarget(this.host, now);
    if (fallen) this.#set({ failed: withFailed(this.host.failed, fallen) });
    for (const step of diff(this.actual, wanted).slice(0, steps)) {
      this.#do(step, wanted);
      if (step.kind === 'Reboot' || step.kind === 'Verify') return;
    }
  }

  /** As a boot loader does: what does not come up is given up for the entry behind it. */
  boot(): void {
    const { deployments } = this.host;
    const [next] = deployments;
    const booted = deployments.find(({ applied }) => kindOf(applied?.config) !== 'panic');
    if (!booted) throw new Error('the host is lost');
    this.#boots += 1;
    this.#set({ booted, bootId: `${this.#boots}`, bootFellBack: booted !== next });
    this.actual = { ...this.actual, verified: false };
  }

  #do(step: Step, wanted: Desired): void {
    const { deployments, booted, bootId } = this.host;
    if (step.kind === 'Stage') this.#set({ staged: { config: wanted.config, image, checksum: '' } });
    else if (step.kind === 'Apply') {
      expect(findFailed(this.host.failed, wanted.config, image)).toBeUndefined();
      this.#made += 1;
      const made = deployment(`made-${this.#made}`, wanted.config);
      const units = { failed: [], settled: true };
      const probation = { deployment: made.name, config: wanted.config, image, bootId, live: false, units };
      this.#set({ deployments: [made, ...deployments], probation });
    } else if (step.kind === 'SetNextBoot') {
      const next = deployments.filter(({ name }) => name === step.deployment);
      expect(next.length).toBe(1);
      this.#set({ deployments: [...next, ...deployments.filter(({ name }) => name !== step.deployment)] });
    } else if (step.kind === 'Reboot') {
      const [next] = deployments;
      expect(findFailed(this.host.failed, next?.applied?.config, image)).toBeUndefined();
      this.boot();
    } else if (step.kind === 'Verify') this.#verify(booted);
    else this.#set({ deployments: deployments.filter((candidate) => keptDeployments(this.host).includes(candidate)) });
  }

  #verify({ applied }: DeploymentOutline): void {
    const probation = currentProbation(this.host);
    const { config = '' } = applied ?? {};
    if (kindOf(config) === 'good') {
      const failed = withoutFailed(this.host.failed, { config, image });
      this.#set({ probation: undefined, failed });
      this.actual = { ...this.actual, verified: true };
    } else if (probation) {
      const target = { config, image, code: 'HEALTH_FAILED', message: '', time: now.toISOString() };
      this.#set({ failed: withFailed(this.host.failed, target) });
    }
  }

  #set(change: Partial<HostOutline>): void {
    this.actual = { ...this.actual, host: { ...this.actual.host, ...change } };
  }
}

const config = fc.constantFrom('good-1', 'good-2', 'good-3', 'sick-1', 'sick-2', 'panic-1', 'panic-2');
const happening = fc.record({
  config,
  passes: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }),
  powerCut: fc.boolean(),
});

test('whatever fails, the host ends on its target, or well on another and without trying again', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 12 }), config, (happenings, last) => {
      const host = new Host();
      for (const { config: wish, passes, powerCut } of happenings) {
        for (const steps of passes) host.pass(desire(wish), steps);
        if (powerCut) host.boot();
      }
      const wanted = desire(last);
      for (let pass = 0; pass < 12; pass++) host.pass(wanted);
      const { booted, deployments } = host.host;
      expect(diff(host.actual, wanted)).toEqual([]);
      expect(kindOf(booted.applied?.config)).toBe('good');
      expect(host.actual.verified || booted.applied?.config === undefined).toBe(true);
      expect(deployments[0]).toBe(booted);
      if (kindOf(last) === 'good') expect(booted.applied?.config).toBe(last);
      else expect(failedTarget(host.host, wanted)).toBeDefined();
    }),
    { numRuns: 1000 },
  );
});

test('an order that somebody else made, or a fallback that was dealt with, is no failure', () => {
  const old = deployment('old', 'good-1');
  const made = deployment('made', 'good-2');
  const units = { failed: [], settled: true };
  const probation = { deployment: 'made', config: 'good-2', image, bootId: '1', live: false, units };
  const host: HostOutline = {
    ...{ deployments: [made, old], booted: old, bootId: '2', bootedKernelArguments: [], baseKernelArguments: [] },
    ...{ staged: undefined, probation, failed: [], bootFellBack: false },
  };
  const fallen = fallenTarget(host, now);
  expect(fallen).toMatchObject({ config: 'good-2', code: 'BOOT_FELL_BACK' });
  // Applied in this boot, and not booted yet.
  expect(fallenTarget({ ...host, bootId: '1' }, now)).toBeUndefined();
  // Another order by hand.
  expect(fallenTarget({ ...host, deployments: [old, made] }, now)).toBeUndefined();
  expect(fallenTarget({ ...host, probation: undefined }, now)).toBeUndefined();
  // The boot loader says so itself, also of a deployment that was good before.
  expect(fallenTarget({ ...host, probation: undefined, bootFellBack: true }, now)).toMatchObject({ config: 'good-2' });
  expect(fallenTarget({ ...host, failed: fallen ? [fallen] : [] }, now)).toBeUndefined();
});
