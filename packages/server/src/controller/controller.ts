// `varve controller`: the controllers alone, against a Kubernetes API server. They have no state of their own: whoever
// leads goes on where the leader before stopped.
import { startControllers } from '@varve/controllers';
import { agentUser, configurationKeySecret, joiningGroup, refuseOtherOperator } from '@varve/deploy';
import { type Connection, KubeClient } from '@varve/kube';
import type { Logger } from 'pino';
import { createResolver } from '../image-resolver.ts';
import type { ListenAddress } from '../listen.ts';
import { ConfigurationKeySecret } from './key-secret.ts';
import { type ControllerStatus, serveStatus } from './status-server.ts';

export interface ControllerOptions {
  readonly connection: Connection;
  /** Of the Lease and of the key's Secret. */
  readonly namespace: string;
  /** Who this process is among those that may lead. */
  readonly identity: string;
  /** Where to tell whether it lives; nowhere unless given. */
  readonly listen?: ListenAddress | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Runs until the abort.
 * @throws DeployError OTHER_OPERATOR, ServerError PORT_IN_USE and STATE_UNREADABLE, and what a KubeClient throws
 */
export async function runController(options: ControllerOptions): Promise<void> {
  const { connection, logger, signal } = options;
  let status: ControllerStatus = { failure: undefined, isReady: false, isLeader: false, pools: [] };
  await using _server = options.listen && (await serveStatus(options.listen, () => status));
  await using client = new KubeClient({ ...connection, userAgent: 'varve-controllers' });
  await refuseOtherOperator(client, signal);
  status = { ...status, isReady: true };
  logger.info({ server: connection.server, identity: options.identity }, 'the controllers stand by');
  await lead(client, options, signal);
}

/** What the leader does, until it leads no more. */
async function lead(client: KubeClient, options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { namespace, logger } = options;
  const end = new AbortController();
  const leading = AbortSignal.any([signal, end.signal]);
  await using resolver = await createResolver();
  try {
    const signingKeys = await ConfigurationKeySecret.open({
      client,
      secret: { namespace, name: configurationKeySecret },
      onError: (err) => logger.error({ err }, 'the configuration key'),
      signal: leading,
    });
    await startControllers({
      client,
      cluster: { podUser: agentUser, joiningGroup },
      resolveImage: resolver.resolveImage,
      signingKeys,
      logger,
      signal: leading,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    end.abort();
  }
}
