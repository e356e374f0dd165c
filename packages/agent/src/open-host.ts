// The host that an agent works on: in this process, which is root then, or by way of the helper.
import type { RegistryClientOptions } from '@varve/oci';
import type { Logger } from 'pino';
import { readIdentity } from './enroll/identity.ts';
import { HelperConnection } from './helper/connection.ts';
import type { Lender } from './helper/lend.ts';
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
  let lending: Promise<Lender> | undefined;
  const connection = new HelperConnection(
    socket,
    async (verb, params, context) => {
      lending ??= openLender(paths, registry);
      return await (await lending).answer(verb, params, context);
    },
    () => {
      void Promise.resolve(lending?.then((lender) => lender.rest())).then(onRest);
    },
  );
  return {
    driver: new RemoteDriver(connection),
    gate: new RemoteGate(connection),
    async [Symbol.asyncDispose]() {
      connection[Symbol.dispose]();
      await (await lending)?.[Symbol.asyncDispose]();
    },
  };
}

/** With what talks to registries and reads signatures, which a network side at rest does not keep in memory. */
async function openLender(paths: StatePaths, registry: RegistryClientOptions | undefined): Promise<Lender> {
  const [{ Lender }, { registryClientFor }] = await Promise.all([
    import('./helper/lend.ts'),
    import('./network/registry.ts'),
  ]);
  const identity = () => readIdentity(paths.identity);
  return new Lender(
    async (reference) => await registryClientFor(reference, await identity(), registry),
    new OwnNetwork(identity, registry),
  );
}
