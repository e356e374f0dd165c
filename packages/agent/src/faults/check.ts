// What must hold of a host: in between, whatever boots next is all old or all new; at the end it is what was desired, and
// nothing is left behind.
import { join } from 'node:path';
import spawn from 'nano-spawn';
import { directoryBoot } from '../boot/boot.ts';
import { OstreeDriver } from '../driver/ostree/driver.ts';
import { copySysroot, removeSysroot } from '../fixtures/host.ts';
import { readFailed } from '../health/failed-target.ts';
import { hostStatus } from '../host.ts';
import { OwnNetwork } from '../network/network.ts';
import { stateDirectoryOf, statePaths } from '../state/paths.ts';
import type { Scenario } from './scenario.ts';
import { findLeftovers, type NextBoot, readNextBoot } from './snapshot.ts';

/** What may boot next: as in the template, and as after a run without a fault. */
export interface Expected {
  readonly old: NextBoot;
  readonly end: NextBoot;
}

const timeoutMilliseconds = 60_000;

/** A new agent's first act, on a copy, so that the host itself meets its next agent as it was left. */
export async function checkBetween(scenario: Scenario, sysroot: string, expected: Expected | undefined): Promise<void> {
  const copy = `${sysroot}.copy`;
  try {
    await copySysroot(sysroot, copy);
    const paths = statePaths(stateDirectoryOf(copy));
    const network = new OwnNetwork(async () => undefined, undefined);
    const boot = directoryBoot(copy, paths);
    const driver = new OstreeDriver({ sysroot: copy, stateroot: 'varve', paths, boot, network });
    await driver.recover(AbortSignal.timeout(timeoutMilliseconds));
    const next = await readNextBoot(copy);
    if (!scenario.configs.includes(next.config ?? '')) throw new Error(`${next.config} would boot next`);
    for (const known of expected ? [expected.old, expected.end] : []) {
      if (known.config === next.config) requireSame(next, known);
    }
  } finally {
    await removeSysroot(copy);
  }
}

/** What boots next then. */
export async function checkEnd(scenario: Scenario, sysroot: string, expected: Expected | undefined): Promise<NextBoot> {
  const end = await readNextBoot(sysroot);
  if (expected) requireSame(end, expected.end);
  const { booted, drift } = await hostStatus(sysroot);
  if (booted.name !== end.deployment) throw new Error(`${booted.name} runs, ${end.deployment} would boot next`);
  if (drift.length > 0) throw new Error(`the host has drifted: ${JSON.stringify(drift)}`);
  const failed = (await readFailed(statePaths(stateDirectoryOf(sysroot)).failed)).map(({ config }) => config);
  const wanted = scenario.goal.kind === 'runs' && scenario.goal.failed !== undefined ? [scenario.goal.failed] : [];
  if (failed.join() !== wanted.join()) throw new Error(`given up are ${failed.join()}, not ${wanted.join()}`);
  const left = await findLeftovers(sysroot);
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  await spawn('ostree', ['fsck', '--quiet', `--repo=${join(sysroot, 'ostree/repo')}`]);
  return end;
}

function requireSame(found: NextBoot, wanted: NextBoot): void {
  const [left, right] = [new Set(found.lines), new Set(wanted.lines)];
  const more = found.lines.filter((line) => !right.has(line));
  const less = wanted.lines.filter((line) => !left.has(line));
  if (more.length + less.length === 0) return;
  throw new Error(`${found.config} is a mix; too much: ${more.join('; ')}; missing: ${less.join('; ')}`);
}
