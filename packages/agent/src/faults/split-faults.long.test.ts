// The faults of split-faults.integration.test.ts, many times. VARVE_FAULT_RUNS and VARVE_SEED say how many and which;
// whoever bounds them has no time for every boundary either.
import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { randomFrom } from './fault.ts';
import { scenarioNames } from './scenario.ts';
import { SplitFaultSuite } from './split-suite.ts';

const seed = Number(process.env.VARVE_SEED ?? randomInt(2 ** 32));
const runs = Number(process.env.VARVE_FAULT_RUNS ?? 300);
const isBounded = process.env.VARVE_FAULT_RUNS !== undefined;
const everywhere = test.skipIf(isBounded);

const share = Math.ceil(runs / scenarioNames.length);

test.each(scenarioNames)(
  `${share} faults of %s end all old or all new, and the goal is reached (VARVE_SEED=${seed})`,
  async (name) => {
    await using suite = await SplitFaultSuite.create([name]);
    await suite.runAtRandom(share, randomFrom(seed));
  },
);

everywhere.each(['stage', 'live-apply', 'reboot-apply'] as const)(
  'a kill at every write of the helper and every step of the network side of %s (not where VARVE_FAULT_RUNS is set)',
  async (name) => {
    await using suite = await SplitFaultSuite.create([name]);
    expect(await suite.runEvery('helper', 'kill', (call) => !call.includes(' send '))).toBeGreaterThan(50);
    expect(await suite.runEvery('network', 'kill', () => true)).toBeGreaterThan(10);
  },
);

everywhere('a connection that is cut at everything that is sent (not where VARVE_FAULT_RUNS is set)', async () => {
  await using suite = await SplitFaultSuite.create(['stage', 'live-apply']);
  const isSend = (call: string) => call.includes(' send ');
  expect(await suite.runEvery('network', 'cut', isSend)).toBeGreaterThan(10);
  expect(await suite.runEvery('helper', 'cut', isSend)).toBeGreaterThan(10);
});
