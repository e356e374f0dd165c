// The host that an agent works on: in this process, which is root then, or by way of the helper.
import type { RegistryClientOptions } from '@varve/oci';
import type { Logger } from 'pino';
import { startBoot } from './boot/start-boot.ts';
import type { DriverName } from './driver/choose.ts';
import type { HostDriver } from './driver/driver.ts';
import { openDriver } from './driver/open.ts';
import { readIdentity } from './enroll/identity.ts';
import { HelperConnection } from './helper/connection.ts';
import { RootGate, type TargetGate } from './helper/gate.ts';
import { Lender } from './helper/lend.ts';
import { RemoteDriver, RemoteGate } from './helper/remote-driver.ts';
import { OwnNetwork } from './network/network.ts';
import { registryClientFor } from './network/registry.ts';
import { removeTemporaries } from './state/durable-file.ts';
import type { StatePaths } from './state/paths.ts';

export interface OpenHostOptions {
  /** `/` on a booted host, else a directory that holds a sysroot. */
  readonly sysroot: string;
  readonly stateroot?: string;
  /** Instead of the one that the host's tools speak for; the helper's own choice where there is one. */
  readonly driver?: DriverName;
  /** Socket of the privileged helper; without one this process does everything itself, as root. */
  readonly helper?: string;
  /** For all registries; by default the control plane's gets the node's certificate, others the containers auth files. */
  readonly registry?: RegistryClientOptions;
  readonly signal: AbortSignal;
}

export interface OpenHost extends AsyncDisposable {
  readonly driver: HostDriver;
  readonly gate: TargetGate;
}

export async function openHost(options: OpenHostOptions, paths: StatePaths, logger: Logger): Promise<OpenHost> {
  return options.helper === undefined
    ? await openHere(options, paths, logger)
    : await openRemote(options, paths, options.helper);
}

async function openHere(options: OpenHostOptions, paths: StatePaths, logger: Logger): Promise<OpenHost> {
  const { sysroot, stateroot, driver: wanted, signal } = options;
  await removeTemporaries(paths.directory);
  const boot = await startBoot(sysroot, paths, logger, signal);
  const network = new OwnNetwork(() => readIdentity(paths.identity), options.registry);
  const { driver, choice } = await openDriver({ sysroot, stateroot, driver: wanted, paths, boot, network, signal });
  logger.info({ driver: choice.tool?.name ?? choice.name, reason: choice.reason }, 'driver');
  return { driver, gate: new RootGate(paths), async [Symbol.asyncDispose]() {} };
}

async function openRemote({ registry }: OpenHostOptions, paths: StatePaths, socket: string): Promise<OpenHost> {
  await removeTemporaries(paths.agent);
  const identity = () => readIdentity(paths.identity);
  const lender = new Lender(
    async (reference) => await registryClientFor(reference, await identity(), registry),
    new OwnNetwork(identity, registry),
  );
  const connection = new HelperConnection(socket, lender.answer);
  return {
    driver: new RemoteDriver(connection),
    gate: new RemoteGate(connection),
    async [Symbol.asyncDispose]() {
      connection[Symbol.dispose]();
      await lender[Symbol.asyncDispose]();
    },
  };
}
