// The host that an agent works on: in this process, which is root then, or by way of the helper.
import type { Logger } from 'pino';
import { readIdentity } from './enroll/identity.ts';
import { HelperConnection } from './helper/connection.ts';
import { Lender } from './helper/lend.ts';
import { RemoteDriver, RemoteGate } from './helper/remote-driver.ts';
import { OwnNetwork } from './network/network.ts';
import type { OpenHereOptions, OpenHost } from './open-here.ts';
import { removeTemporaries } from './state/durable-file.ts';
import type { StatePaths } from './state/paths.ts';

export interface OpenHostOptions extends OpenHereOptions {
  /** Socket of the privileged helper; without one this process does everything itself, as root. */
  readonly helper?: string;
  /** Called when nothing was to be asked of the helper for some seconds. */
  readonly onRest?: () => void;
}

export async function openHost(options: OpenHostOptions, paths: StatePaths, logger: Logger): Promise<OpenHost> {
  if (options.helper !== undefined) return await openRemote(options, paths, options.helper);
  // Most of the agent's code, which a network side at rest does not keep in memory.
  const { openHere } = await import('./open-here.ts');
  return await openHere(options, paths, logger);
}

async function openRemote(options: OpenHostOptions, paths: StatePaths, socket: string): Promise<OpenHost> {
  const { registry, onRest = () => {} } = options;
  await removeTemporaries(paths.agent);
  const identity = () => readIdentity(paths.identity);
  const lender = new Lender(async (reference) => {
    const { registryClientFor } = await import('./network/registry.ts');
    return await registryClientFor(reference, await identity(), registry);
  }, new OwnNetwork(identity, registry));
  const connection = new HelperConnection(socket, lender.answer, () => {
    void lender.rest().then(onRest);
  });
  return {
    driver: new RemoteDriver(connection),
    gate: new RemoteGate(connection),
    async [Symbol.asyncDispose]() {
      connection[Symbol.dispose]();
      await lender[Symbol.asyncDispose]();
    },
  };
}
