import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DeploymentOutline, HostOutline } from '../driver/driver.ts';
import { keptDeployments, rollbackDeployment } from '../driver/kept.ts';
import { trustLocally } from '../helper/verify.ts';
import type { Desired } from './desired.ts';
import { type Actual, diff, type Step } from './diff.ts';

const digests = ['a', 'b', 'c'].map((letter) => `sha256:${letter.repeat(64)}`);
const imageOf = (digest: string) => `registry.test/os@${digest}`;

function deployment(name: string, config: string | undefined, digest = digests[0] ?? ''): DeploymentOutline {
  const applied = {
    version: 1 as const,
    deployment: name,
    ...(config ? { config } : {}),
    image: imageOf(digest),
    kernelArguments: [],
    entries: [],
    units: [],
  };
  return {
    name,
    checksum: name,
    image: imageOf(digest),
    imageDigest: digest,
    kernelArguments: [],
    applied,
    complete: true,
    root: `/${name}`,
  };
}

function hostOf(deployments: DeploymentOutline[], booted: DeploymentOutline, staged?: string): HostOutline {
  return {
    deployments,
    booted,
    bootId: 'boot',
    bootedKernelArguments: [],
    baseKernelArguments: [],
    staged: staged ? { config: staged, image: imageOf(digests[0] ?? ''), checksum: '' } : undefined,
    probation: undefined,
    failed: [],
    bootFellBack: false,
  };
}

function desired(config: string, phase: Desired['phase'], digest = digests[0] ?? ''): Desired {
  return { ...trustLocally({ config, image: imageOf(digest), phase, spec: {} }), uid: 'u', generation: 1 };
}

const kinds = (steps: Step[]) => steps.map((step) => step.kind);

const first = deployment('first', undefined);
const one = deployment('one', 'one');
const two = deployment('two', 'two');

describe('diff', () => {
  const table: [name: string, actual: Actual, wanted: Desired | undefined, steps: string[]][] = [
    ['nothing is desired', { host: hostOf([first], first), verified: true }, undefined, []],
    [
      'staging comes before the slot',
      { host: hostOf([first], first), verified: true },
      desired('one', 'Staged'),
      ['Stage'],
    ],
    ['staged and no slot', { host: hostOf([first], first, 'one'), verified: true }, desired('one', 'Staged'), []],
    [
      'a slot, nothing staged',
      { host: hostOf([first], first), verified: true },
      desired('one', 'Applied'),
      ['Stage', 'Apply', 'Reboot'],
    ],
    ['a slot', { host: hostOf([first], first, 'one'), verified: true }, desired('one', 'Applied'), ['Apply', 'Reboot']],
    [
      'killed between next boot and reboot',
      { host: hostOf([one, first], first, 'one'), verified: true },
      desired('one', 'Applied'),
      ['Reboot'],
    ],
    [
      'the slot was taken back after the next boot was set',
      { host: hostOf([one, first], first, 'one'), verified: true },
      desired('one', 'Staged'),
      [],
    ],
    [
      'another target after the next boot was set',
      { host: hostOf([one, first], first, 'one'), verified: true },
      desired('two', 'Staged'),
      ['SetNextBoot', 'Stage'],
    ],
    [
      'back to what runs after the next boot was set',
      { host: hostOf([two, one], one), verified: true },
      desired('one', 'Applied'),
      ['SetNextBoot'],
    ],
    ['freshly booted', { host: hostOf([one, first], one), verified: false }, desired('one', 'Applied'), ['Verify']],
    [
      'a change that needs no boot',
      { host: hostOf([one, first], one, 'two'), verified: true, live: [] },
      desired('two', 'Applied'),
      ['ApplyLive', 'Verify'],
    ],
    [
      'a change that needs no boot, before its slot',
      { host: hostOf([one, first], one, 'two'), verified: true, live: [] },
      desired('two', 'Staged'),
      [],
    ],
    [
      'a change that needs no boot while another boot is due',
      { host: hostOf([two, one], one), verified: true, live: [] },
      desired('three', 'Applied'),
      ['SetNextBoot', 'Stage', 'ApplyLive', 'Verify'],
    ],
    ['on target', { host: hostOf([one, first], one), verified: true }, desired('one', 'Applied'), []],
    [
      'older than the rollback',
      { host: hostOf([two, one, first], two), verified: true },
      desired('two', 'Applied'),
      ['CollectGarbage'],
    ],
    [
      'another image under the same config',
      { host: hostOf([one, first], one), verified: true },
      desired('one', 'Staged', digests[1]),
      ['Stage'],
    ],
  ];
  test.each(table)('%s', (_name, actual, wanted, steps) => {
    expect(kinds(diff(actual, wanted))).toEqual(steps);
  });

  test('a config without an image keeps the one that runs', () => {
    const { image: _, ...wanted } = desired('one', 'Applied');
    expect(diff({ host: hostOf([one, first], one), verified: true }, wanted)).toEqual([]);
  });
});

/** A host that does what the steps say; deployments are made under new names. */
class Model {
  actual: Actual = { host: hostOf([first], first), verified: true };
  #made = 0;

  do(step: Step, wanted: Desired): void {
    const { host } = this.actual;
    const others = (name: string) => host.deployments.filter((candidate) => candidate.name !== name);
    switch (step.kind) {
      case 'Stage':
        this.#set({ staged: { config: wanted.config, image: wanted.image ?? '', checksum: '' } });
        break;
      case 'Apply': {
        expect(host.staged?.config).toBe(wanted.config);
        this.#made++;
        const made = deployment(`made-${this.#made}`, wanted.config, wanted.image?.split('@')[1]);
        this.#set({ deployments: [made, ...host.deployments] });
        break;
      }
      case 'SetNextBoot': {
        const next = host.deployments.find((candidate) => candidate.name === step.deployment);
        if (!next) throw new Error('no such deployment');
        this.#set({ deployments: [next, ...others(next.name)] });
        break;
      }
      case 'Reboot':
        this.boot();
        break;
      case 'Verify':
        this.actual = { ...this.actual, verified: true };
        break;
      case 'CollectGarbage': {
        const kept = keptDeployments(host);
        this.#set({ deployments: host.deployments.filter((candidate) => kept.includes(candidate)) });
      }
    }
  }

  /** Also what a power cut does. */
  boot(): void {
    const [next] = this.actual.host.deployments;
    if (next) this.actual = { host: { ...this.actual.host, booted: next }, verified: false };
  }

  #set(change: Partial<HostOutline>): void {
    this.actual = { ...this.actual, host: { ...this.actual.host, ...change } };
  }
}

const target = fc.record({
  config: fc.constantFrom('one', 'two', 'three'),
  phase: fc.constantFrom('Staged' as const, 'Applied' as const),
  digest: fc.constantFrom(...digests),
});
const happening = fc.record({ target, steps: fc.nat({ max: 4 }), powerCut: fc.boolean() });

test('whatever was interrupted, the last target is reached and the host keeps a way back', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 12 }), target, (happenings, last) => {
      const model = new Model();
      for (const { target: wish, steps, powerCut } of happenings) {
        const wanted = desired(`${wish.config}-${wish.digest.at(-1)}`, wish.phase, wish.digest);
        for (const step of diff(model.actual, wanted).slice(0, steps)) {
          // Only a slot lets a host go down.
          if (wish.phase === 'Staged') expect(['Apply', 'Reboot']).not.toContain(step.kind);
          model.do(step, wanted);
        }
        if (powerCut) model.boot();
      }
      const wanted = desired(`${last.config}-${last.digest.at(-1)}`, 'Applied', last.digest);
      for (let pass = 0; pass < 6; pass++) {
        for (const step of diff(model.actual, wanted)) model.do(step, wanted);
      }
      const { host, verified } = model.actual;
      expect(diff(model.actual, wanted)).toEqual([]);
      expect([host.booted.applied?.config, host.booted.imageDigest, verified]).toEqual([
        wanted.config,
        last.digest,
        true,
      ]);
      expect(host.deployments[0]).toBe(host.booted);
      expect(host.deployments.length).toBeLessThanOrEqual(2);
      if (host.deployments.length > 1) expect(rollbackDeployment(host)).toBe(host.deployments[1]);
    }),
    { numRuns: 500 },
  );
});
