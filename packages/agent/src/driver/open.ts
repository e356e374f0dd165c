// The driver of a host, ready to work.
import { staterootOf } from '../boot/stateroot.ts';
import { chooseDriver, type DriverChoice, type DriverName } from './choose.ts';
import { OstreeDriver, type OstreeDriverOptions } from './ostree/driver.ts';
import { type RunTool, toolRunner } from './run-tool.ts';

export interface OpenDriverOptions extends Omit<OstreeDriverOptions, 'stateroot' | 'tool'> {
  /** What the host booted from, or the usual one of a sysroot in a directory, unless given. */
  readonly stateroot?: string | undefined;
  /** Instead of the choice by what the host has. */
  readonly driver?: DriverName | undefined;
  readonly run?: RunTool | undefined;
  readonly stagedPath?: string | undefined;
  readonly signal: AbortSignal;
}

export interface OpenedDriver {
  readonly driver: OstreeDriver;
  readonly choice: DriverChoice;
}

export async function openDriver(options: OpenDriverOptions): Promise<OpenedDriver> {
  const { sysroot, driver, run = toolRunner(), stagedPath, signal, ...rest } = options;
  const choice = await chooseDriver({ sysroot, driver, run, stagedPath, signal });
  const stateroot = await staterootOf(sysroot, options.stateroot);
  return { driver: new OstreeDriver({ ...rest, sysroot, stateroot, tool: choice.tool }), choice };
}
