// `varve controller`: the controllers alone, against a Kubernetes API server. Of several processes one leads. They have no
// state of their own: whoever leads goes on where the leader before stopped.
import type { Sources } from '@varve/controllers';
import { agentUser, configurationKeySecret, joiningGroup, leaderLease, refuseOtherOperator } from '@varve/deploy';
import { type Connection, createLeaseLock, isKubeError, KubeClient, LeaderElector } from '@varve/kube';
import type { Logger } from 'pino';
import type { ListenAddress } from '../listen.ts';
import { ConfigurationKeySecret } from './key-secret.ts';
import { type ControllerStatus, serveStatus } from './status-server.ts';

export interface ControllerOptions {
  readonly connection: Connection;
  /** Of the Lease and of the key's Secret. */
  readonly namespace: string;
  /** Who this process is, for people. */
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
  const state = new ProcessState();
  await using _server = options.listen && (await serveStatus(options.listen, () => state.status()));
  await using client = new KubeClient({ ...connection, userAgent: 'varve-controllers' });
  await refuseOtherOperator(client, signal);
  state.isReady = true;
  const elector = new LeaderElector({
    lock: createLeaseLock(client, { namespace: options.namespace, name: leaderLease }),
    identity: options.identity,
    onLeader: ({ identity, isSelf }) =>
      logger.info({ leader: identity }, isSelf ? 'this process leads' : 'another process leads'),
    onError: (err) => logger.warn({ err }, 'the lease of the leader; it is tried again'),
  });
  while (!signal.aborted) {
    try {
      await elector.run((leading) => lead(client, options, state, leading), signal);
    } catch (error) {
      // Everything that this process did as the leader has ended by now: it can stand again.
      if (!isKubeError(error, 'LEADERSHIP_LOST')) throw error;
      logger.warn({ err: error }, 'this process leads no more');
    }
  }
}

/** What the process says of itself. */
class ProcessState {
  isReady = false;
  /** There while this process leads and has seen everything. */
  sources: Sources | undefined;
  isLeader = false;

  status(): ControllerStatus {
    const { isReady, isLeader } = this;
    return { isReady, isLeader, pools: this.sources?.pools.list() ?? [] };
  }
}

/** What the leader does, until it leads no more. */
async function lead(
  client: KubeClient,
  options: ControllerOptions,
  state: ProcessState,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, logger } = options;
  const end = new AbortController();
  const leading = AbortSignal.any([signal, end.signal]);
  const [{ startControllers }, { createResolver }] = await Promise.all([
    import('@varve/controllers'),
    import('../image-resolver.ts'),
  ]);
  await using resolver = await createResolver();
  state.isLeader = true;
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
      checkImage: resolver.checkImage,
      signingKeys,
      onSynced: (sources) => {
        state.sources = sources;
      },
      logger,
      signal: leading,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    end.abort();
    state.isLeader = false;
    state.sources = undefined;
  }
}
