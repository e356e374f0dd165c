// The helper: root's side of a host whose network side has no privileges. It opens no network connection; what it needs
// of the network its client brings.
import type { Server, Socket } from 'node:net';
import { type Logger, pino } from 'pino';
import { startBoot } from '../boot/start-boot.ts';
import type { DriverName } from '../driver/choose.ts';
import { openDriver } from '../driver/open.ts';
import { outsideRunner, stopOutside } from '../driver/run-tool.ts';
import { waitFor } from '../report/signal.ts';
import { removeTemporaries } from '../state/durable-file.ts';
import { lockSysroot } from '../state/lock.ts';
import { defaultStateroot, stateDirectoryOf, statePaths } from '../state/paths.ts';
import { Channel } from './channel.ts';
import { RootGate } from './gate.ts';
import { LentNetwork } from './lent-network.ts';
import { listen, type SocketOptions } from './listen.ts';
import { HelperService } from './service.ts';

export interface HelperOptions {
  /** `/` on a booted host, else a directory that holds a sysroot. */
  readonly sysroot: string;
  readonly stateroot?: string;
  /** Instead of the one that the host's tools speak for. */
  readonly driver?: DriverName;
  readonly socket: SocketOptions;
  /** Milliseconds without a client after which it ends; for a socket that systemd watches. Never unless given. */
  readonly idle?: number;
  readonly signal: AbortSignal;
  readonly logger?: Logger;
}

/** `reboot`: a boot is due, as of the agent. `idle`: nobody has asked for anything. */
export type HelperOutcome = 'reboot' | 'idle' | 'stopped';

/** Milliseconds. */
const farewell = 2_000;

/** Serves one client after the other. Throws AGENT_RUNNING, BOOT_FAILED or STATE_CORRUPT when it cannot begin. */
export async function runHelper(options: HelperOptions): Promise<HelperOutcome> {
  const { sysroot, stateroot = defaultStateroot, signal, logger = pino({ level: 'silent' }) } = options;
  const paths = statePaths(stateDirectoryOf(sysroot, stateroot));
  using _lock = lockSysroot(paths.lock);
  await removeTemporaries(paths.root);
  if (sysroot === '/') await stopOutside();
  const boot = await startBoot(sysroot, paths, logger, signal);
  const network = new LentNetwork();
  const host = { sysroot, stateroot: options.stateroot, driver: options.driver, paths, boot, network };
  const { driver, choice } = await openDriver({ ...host, run: outsideRunner(), signal });
  logger.info({ driver: choice.tool?.name ?? choice.name, reason: choice.reason }, 'driver');
  const end = Promise.withResolvers<HelperOutcome>();
  const service = new HelperService({ driver, gate: new RootGate(paths), onReboot: () => end.resolve('reboot') });
  signal.addEventListener('abort', () => end.resolve('stopped'), { once: true });
  // What a killed one left half-made must not be seen by anybody.
  await driver.recover(signal);

  let client: Channel | undefined;
  let serving = Promise.resolve();
  let idle = startIdle();
  let server: Server | undefined;
  try {
    server = await listen((socket) => {
      clearTimeout(idle);
      serving = serve(socket).finally(() => {
        idle = startIdle();
      });
    }, options.socket);
    const outcome = await end.promise;
    server.close();
    // Who asked for the boot hears that it is due, and goes.
    if (outcome === 'reboot') await waitFor(serving, farewell, signal);
    return outcome;
  } finally {
    client?.close();
    await serving;
    clearTimeout(idle);
    if (server?.listening) server.close();
  }

  async function serve(socket: Socket): Promise<void> {
    const channel = new Channel(socket, service.answer);
    client = channel;
    network.use(channel);
    service.welcome();
    try {
      await channel.run();
    } catch (error) {
      logger.warn({ err: error }, 'a client was cut off');
    } finally {
      if (client === channel) network.use(undefined);
    }
  }

  function startIdle(): NodeJS.Timeout | undefined {
    return options.idle === undefined ? undefined : setTimeout(() => end.resolve('idle'), options.idle);
  }
}
