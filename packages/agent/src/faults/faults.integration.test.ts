// Faults at random calls of an agent, on real OSTree sysroots. Many more in faults.long.test.ts.
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomFrom } from './fault.ts';
import { scenarioNames } from './scenario.ts';
import { FaultSuite } from './suite.ts';

const seed = Number(process.env.VARVE_SEED ?? randomInt(2 ** 32));
const runs = 50;

let suite: FaultSuite;
beforeAll(async () => {
  suite = await FaultSuite.create(scenarioNames);
});
afterAll(async () => await suite?.[Symbol.asyncDispose]());

test('every scenario passes the boundaries that it is about', () => {
  const seen = Object.fromEntries(suite.traced.map(({ scenario, calls }) => [scenario.name, calls.join('\n')]));
  expect(seen.stage).toMatch(/renameSync .*\/objects\//);
  expect(seen['live-apply']).toMatch(/rename .*\.new/);
  expect(seen['live-apply']).toMatch(/spawn systemctl/);
  expect(seen['reboot-apply']).toMatch(/spawn ostree admin deploy/);
  expect(seen['reboot-apply']).toMatch(/execve/);
  expect(seen.rollback).toMatch(/rename .*failed\.json/);
  expect(seen.rollback).toMatch(/fsetxattr security\.capability/);
  expect(seen.renewal).toMatch(/rename .*client\.pem/);
});

test(`${runs} faults end all old or all new, and every goal is reached (VARVE_SEED=${seed})`, async () => {
  await suite.runAtRandom(runs, randomFrom(seed));
});
