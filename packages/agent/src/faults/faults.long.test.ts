// The faults of faults.integration.test.ts, many times. VARVE_FAULT_RUNS and VARVE_SEED say how many and which;
// whoever bounds them has no time for every boundary either.
import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { randomFrom } from './fault.ts';
import { scenarioNames } from './scenario.ts';
import { FaultSuite } from './suite.ts';

const seed = Number(process.env.VARVE_SEED ?? randomInt(2 ** 32));
const runs = Number(process.env.VARVE_FAULT_RUNS ?? 1000);
const isBounded = process.env.VARVE_FAULT_RUNS !== undefined;

/** A thousand runs may take an hour of a busy machine: each scenario is a test of its own. */
const share = Math.ceil(runs / scenarioNames.length);

test.each(scenarioNames)(
  `${share} faults of %s end all old or all new, and the goal is reached (VARVE_SEED=${seed})`,
  async (name) => {
    await using suite = await FaultSuite.create([name]);
    await suite.runAtRandom(share, randomFrom(seed));
  },
);

test.skipIf(isBounded).each(scenarioNames)(
  'a kill at every boundary of %s (not where VARVE_FAULT_RUNS is set)',
  async (name) => {
    await using suite = await FaultSuite.create([name]);
    expect(await suite.runEveryKill()).toBeGreaterThan(20);
  },
);
