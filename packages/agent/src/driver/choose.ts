// Which driver a host gets, unless somebody says which: the one of the tool that the host's image is updated with.
import { AgentError } from '../error.ts';
import type { BootcHost } from './bootc/status.ts';
import { BootcTool } from './bootc/tool.ts';
import type { ImageTool } from './image-tool.ts';
import type { RpmOstreeStatus } from './rpm-ostree/status.ts';
import { RpmOstreeTool } from './rpm-ostree/tool.ts';
import type { RunTool } from './run-tool.ts';

const driverNames = ['ostree', 'bootc', 'rpm-ostree'] as const;
export type DriverName = (typeof driverNames)[number];

export interface ChooseOptions {
  readonly sysroot: string;
  /** Instead of a choice. */
  readonly driver?: DriverName | undefined;
  readonly run: RunTool;
  readonly stagedPath?: string | undefined;
  readonly signal: AbortSignal;
}

export interface DriverChoice {
  readonly name: DriverName;
  /** For people: one sentence without a full stop. */
  readonly reason: string;
  /** Absent for `ostree`, which needs none. */
  readonly tool?: ImageTool | undefined;
}

/** Throws DRIVER_UNSUITABLE when the wanted tool is not there, or too old. */
export async function chooseDriver(options: ChooseOptions): Promise<DriverChoice> {
  const { sysroot, driver, run, stagedPath, signal } = options;
  const toolOptions = { run, ...(stagedPath === undefined ? {} : { stagedPath }) };
  if (driver === 'ostree') return { name: 'ostree', reason: 'it was asked for' };
  if (driver === 'bootc') {
    return { name: driver, reason: 'it was asked for', tool: await BootcTool.open(toolOptions, signal) };
  }
  if (driver === 'rpm-ostree') {
    return { name: driver, reason: 'it was asked for', tool: await RpmOstreeTool.open(toolOptions, signal) };
  }
  if (sysroot !== '/') return { name: 'ostree', reason: 'a sysroot in a directory needs no other tool' };
  const bootc = await ifSuitable(BootcTool.open(toolOptions, signal));
  const rpmOstree = await ifSuitable(RpmOstreeTool.open(toolOptions, signal));
  const choice = decideDriver(await bootc?.status(signal), await rpmOstree?.status(signal));
  const tools = { ostree: undefined, bootc, 'rpm-ostree': rpmOstree };
  return { ...choice, tool: tools[choice.name] };
}

/** Pure. What the tools say of the host; undefined for one that is not there. */
export function decideDriver(
  bootc: BootcHost | undefined,
  rpmOstree: RpmOstreeStatus | undefined,
): Pick<DriverChoice, 'name' | 'reason'> {
  const booted = bootc?.status.booted;
  if (booted?.ostree && booted.image && !booted.incompatible) {
    return { name: 'bootc', reason: 'bootc knows the image that this host booted from' };
  }
  const deployment = rpmOstree?.deployments.find((candidate) => candidate.booted);
  if (deployment?.['container-image-reference'] !== undefined) {
    const why = booted?.incompatible ? ', and bootc would lose the packages on top of it' : '';
    return { name: 'rpm-ostree', reason: `rpm-ostree knows the image that this host booted from${why}` };
  }
  return { name: 'ostree', reason: 'neither bootc nor rpm-ostree has booted this host from an image' };
}

async function ifSuitable<T>(opening: Promise<T>): Promise<T | undefined> {
  try {
    return await opening;
  } catch (error) {
    if (error instanceof AgentError && error.code === 'DRIVER_UNSUITABLE') return undefined;
    throw error;
  }
}
