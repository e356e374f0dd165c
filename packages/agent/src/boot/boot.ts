// Booting, for the two kinds of host: a machine that runs the sysroot, and a sysroot in a directory, where a "boot" is
// that the agent starts afresh on the deployment that the boot entries name.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import spawn from 'nano-spawn';
import * as z from 'zod';
import { AgentError } from '../error.ts';
import { readState, readTextIfThere, removeDurable, writeDurable, writeState } from '../state/durable-file.ts';
import type { StatePaths } from '../state/paths.ts';
import { deploymentOf, firstDeployment, parseRunningCommandLine } from './boot-entry.ts';
import { markBootGood } from './grubenv.ts';
import { runningDeployment } from './running-deployment.ts';

const bootedSchema = z.object({
  deployment: z.string(),
  kernelArguments: z.array(z.string()),
  bootId: z.string(),
  fellBack: z.boolean().default(false),
});
/**
 * What runs: the deployment, the kernel arguments that it was started with, an id of this boot, and whether the boot
 * loader says that it gave up another deployment for it.
 */
export type Booted = z.infer<typeof bootedSchema>;

export interface Boot {
  booted(): Promise<Booted>;
  /** Tells the boot loader that this boot was good. */
  markGood(): Promise<void>;
  /** Asks for a boot and returns; what happens next is the process's end. */
  reboot(signal: AbortSignal): Promise<void>;
}

/** A machine that runs this sysroot. */
export const machineBoot: Boot = {
  async booted() {
    const { ostree, kernelArguments, fellBack } = parseRunningCommandLine(await readFile('/proc/cmdline', 'utf8'));
    if (!ostree) {
      throw new AgentError(
        'BOOT_FAILED',
        '/proc/cmdline has no ostree=: this machine did not boot from OSTree; give --sysroot',
      );
    }
    const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const deployment = (await runningDeployment('/', '/')) ?? (await deploymentOf('/', ostree));
    return { deployment, kernelArguments, bootId, fellBack };
  },
  async markGood() {
    const { fellBack } = parseRunningCommandLine(await readFile('/proc/cmdline', 'utf8'));
    // After a fall back the tried entry is the bad one.
    if (!fellBack) await markBootGood('/boot/grub/grubenv');
  },
  async reboot(signal) {
    await spawn('systemctl', ['reboot'], { signal, timeout: 60_000 });
  },
};

/** A sysroot in a directory: the state file says what "runs", until a boot is asked for. */
export function directoryBoot(sysroot: string, paths: StatePaths): Boot {
  return {
    async booted() {
      return (await readState(paths.booted, bootedSchema)) ?? (await bootDirectory(sysroot, paths));
    },
    async markGood() {},
    async reboot() {
      await writeDurable(paths.bootRequested, '');
    },
  };
}

/**
 * The boot of a sysroot in a directory: takes the first boot entry, as a boot loader would, and records what "runs"
 * from now on. The request vanishes last: a kill in between boots once more, which changes nothing but the boot's id.
 */
export async function bootDirectory(sysroot: string, paths: StatePaths): Promise<Booted> {
  const { entry, name } = await firstDeployment(sysroot);
  const booted = {
    deployment: name,
    kernelArguments: [...entry.kernelArguments],
    bootId: randomUUID(),
    fellBack: false,
  };
  await writeState(paths.booted, booted);
  await removeDurable(paths.bootRequested);
  return booted;
}

/** Boots a sysroot in a directory if that was asked for before the process ended. */
export async function finishRequestedBoot(sysroot: string, paths: StatePaths): Promise<void> {
  if ((await readTextIfThere(paths.bootRequested)) !== undefined) await bootDirectory(sysroot, paths);
}
