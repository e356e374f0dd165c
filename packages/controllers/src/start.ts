// All controllers in one process, on one shared copy of the cluster. They hold no state of their own: killed at any
// instruction and started anywhere, they go on where they were.
import { EventRecorder, type KubeClient } from '@varve/kube';
import type { Logger } from 'pino';
import { type Controller, type ControllerContext, createInformers, type Sources } from './context.ts';
import { createDisruptionController } from './disruption/controller.ts';
import { createDrainController } from './drain/controller.ts';
import { clusterWorkloads, noWorkloads } from './drain/workloads.ts';
import { createEnrollController, type Enrollment } from './enroll/controller.ts';
import { createGarbageController } from './gc/controller.ts';
import { createImagePolicyController } from './image-policy/controller.ts';
import { createNodeController } from './node/controller.ts';
import { createHeartbeatController } from './node/heartbeat.ts';
import { createRenderController } from './render/controller.ts';
import type { CheckImage } from './render/image-acceptance.ts';
import type { ResolveImage } from './render/resolve-image.ts';
import { createRolloutController } from './rollout/controller.ts';
import { createSignController } from './sign/controller.ts';
import { type SigningKeySource, TargetSigner } from './sign/signer.ts';

/**
 * `signer` signs hosts' certificates. On a `cluster` kube-controller-manager does, and there it also declares silent hosts
 * not Ready and clears old requests away.
 */
export type ControllersOptions = CommonOptions & Enrollment;

interface CommonOptions {
  /** It stays open; the caller closes it. */
  readonly client: KubeClient;
  readonly resolveImage: ResolveImage;
  /** Whether a signature policy accepts an image. */
  readonly checkImage: CheckImage;
  /** Signs what hosts are to run. */
  readonly signingKeys: SigningKeySource;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told once everything has been seen, and the controllers act. */
  readonly onSynced?: (sources: Sources) => void;
  /** Milliseconds: how long a pool must rest before it is rendered (1 s), and how long a host may be silent (40 s). */
  readonly settle?: number;
  readonly heartbeatGracePeriod?: number;
}

/** Runs until the abort, then resolves when everything has ended. */
export async function startControllers(options: ControllersOptions): Promise<void> {
  const { client, logger, signal, settle, heartbeatGracePeriod: grace, signingKeys } = options;
  const isAlone = 'signer' in options;
  const informers = createInformers(client, logger);
  const onError = (error: unknown) => logger.warn({ err: error }, 'an event could not be recorded');
  await using events = new EventRecorder(client, { component: 'varve-controllers', onError });
  const context: ControllerContext = {
    client,
    informers,
    events,
    logger,
    targets: new TargetSigner(informers, signingKeys),
  };
  const controllers: Controller[] = [
    createEnrollController(context, options),
    createNodeController(context),
    ...(isAlone ? [createHeartbeatController(context, { ...(grace !== undefined && { gracePeriod: grace }) })] : []),
    createRenderController(context, {
      ...{ resolveImage: options.resolveImage, checkImage: options.checkImage },
      ...(settle !== undefined && { settle }),
    }),
    createImagePolicyController(context),
    createRolloutController(context),
    createDrainController(context, isAlone ? noWorkloads : clusterWorkloads(client)),
    createSignController(context),
    createDisruptionController(context),
    createGarbageController(context, { requests: isAlone }),
  ];
  const { leases, ...others } = informers;
  const all = [...Object.values(others), ...(isAlone ? [leases] : [])];
  const running = all.map((informer) => informer.start(signal));
  // A plan from half of the objects would be wrong: nothing acts before everything has been seen.
  const synced = await Promise.allSettled(all.map((informer) => informer.synced()));
  if (synced.every((result) => result.status === 'fulfilled')) {
    logger.info('controllers are running');
    options.onSynced?.(informers);
    running.push(...controllers.map((controller) => controller.run(signal)));
  }
  await Promise.all(running);
}
