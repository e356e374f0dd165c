// The faults of faults.integration.test.ts, many times. VARVE_FAULT_RUNS and VARVE_SEED say how many and which.
import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { randomFrom } from './fault.ts';
import { scenarioNames } from './scenario.ts';
import { FaultSuite } from './suite.ts';

const seed = Number(process.env.VARVE_SEED ?? randomInt(2 ** 32));
const runs = Number(process.env.VARVE_FAULT_RUNS ?? 1000);

test(`${runs} faults end all old or all new, and every goal is reached (VARVE_SEED=${seed})`, async () => {
  await using suite = await FaultSuite.create(scenarioNames);
  await suite.runAtRandom(runs, randomFrom(seed));
});

test('a kill at every boundary of a live apply and of a renewal', async () => {
  await using suite = await FaultSuite.create(['live-apply', 'renewal']);
  await suite.runEveryKill();
  expect(suite.traced.length).toBe(2);
});
