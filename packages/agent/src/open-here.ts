// The host that this process itself works on, as root.
import type { RegistryClientOptions } from '@varve/oci';
import type { Logger } from 'pino';
import { startBoot } from './boot/start-boot.ts';
import type { DriverName } from './driver/choose.ts';
import type { HostDriver } from './driver/driver.ts';
import { openDriver } from './driver/open.ts';
import { readIdentity } from './enroll/identity.ts';
import { RootGate, type TargetGate } from './helper/gate.ts';
import { OwnNetwork } from './network/network.ts';
import { removeTemporaries } from './state/durable-file.ts';
import type { StatePaths } from './state/paths.ts';

export interface OpenHereOptions {
  /** `/` on a booted host, else a directory that holds a sysroot. */
  readonly sysroot: string;
  readonly stateroot?: string;
  /** Instead of the one that the host's tools speak for; the helper's own choice where there is one. */
  readonly driver?: DriverName;
  /** For all registries; by default the control plane's gets the node's certificate, others the containers auth files. */
  readonly registry?: RegistryClientOptions;
  readonly signal: AbortSignal;
}

export interface OpenHost extends AsyncDisposable {
  readonly driver: HostDriver;
  readonly gate: TargetGate;
}

export async function openHere(options: OpenHereOptions, paths: StatePaths, logger: Logger): Promise<OpenHost> {
  const { sysroot, stateroot, driver: wanted, signal } = options;
  await removeTemporaries(paths.directory);
  const boot = await startBoot(sysroot, paths, logger, signal);
  const network = new OwnNetwork(() => readIdentity(paths.identity), options.registry);
  const { driver, choice } = await openDriver({ sysroot, stateroot, driver: wanted, paths, boot, network, signal });
  logger.info({ driver: choice.tool?.name ?? choice.name, reason: choice.reason }, 'driver');
  return { driver, gate: new RootGate(paths), async [Symbol.asyncDispose]() {} };
}
