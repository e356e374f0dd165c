// Faults at random calls of an agent's network side and of its helper, each a process of its own, on real OSTree
// sysroots. Many more in split-faults.long.test.ts.
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomFrom } from './fault.ts';
import { scenarioNames } from './scenario.ts';
import { SplitFaultSuite } from './split-suite.ts';

const seed = Number(process.env.VARVE_SEED ?? randomInt(2 ** 32));
const runs = 20;

let suite: SplitFaultSuite;
beforeAll(async () => {
  suite = await SplitFaultSuite.create(scenarioNames);
});
afterAll(async () => await suite?.[Symbol.asyncDispose]());

test('every scenario passes the boundaries that it is about, each on its side', () => {
  const seen = Object.fromEntries(
    suite.traced.map(({ scenario, calls }) => [
      scenario.name,
      { helper: calls.helper.join('\n'), network: calls.network.join('\n') },
    ]),
  );
  expect(seen.stage?.helper).toMatch(/renameSync .*\/objects\//);
  expect(seen.stage?.network).toMatch(/send \d{4,} bytes/);
  expect(seen['live-apply']?.helper).toMatch(/spawn systemctl/);
  expect(seen['reboot-apply']?.helper).toMatch(/spawn ostree admin deploy/);
  expect(seen['reboot-apply']?.helper).toMatch(/execve/);
  expect(seen.rollback?.helper).toMatch(/rename .*failed\.json/);
  expect(seen.renewal?.network).toMatch(/rename .*client\.pem/);
  for (const { network } of Object.values(seen)) expect(network).not.toMatch(/\/var\/lib\/varve\/host|spawn /);
});

test('a connection that is cut in the middle of a stream is made again, and the host gets to its goal', async () => {
  const isData = (call: string) => Number(/send (\d+) bytes/.exec(call)?.[1]) > 5_000;
  expect(await suite.runEvery('network', 'cut', isData)).toBeGreaterThan(0);
});

test(`${runs} faults end all old or all new, and every goal is reached (VARVE_SEED=${seed})`, async () => {
  await suite.runAtRandom(runs, randomFrom(seed));
});
