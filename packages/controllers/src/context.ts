// What every controller is given: the server, one shared copy of what is on it, and where to report.
import {
  type CertificateSigningRequest,
  certificateSigningRequestResource,
  type KubeObject,
  type Lease,
  leaseResource,
  type MachineConfig,
  type MachineConfigNode,
  type MachineConfigPool,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  type Node,
  nodeResource,
  type ResourceDefinition,
} from '@varve/api';
import { type EventRecorder, Informer, type KubeClient } from '@varve/kube';
import type { Logger } from 'pino';

/** Where agents keep their heartbeats (kubernetes corev1.NamespaceNodeLease). */
export const nodeLeaseNamespace = 'kube-node-lease';

/** What controllers need of an informer: a copy that may be late. */
export type Source<T extends KubeObject> = Pick<Informer<T>, 'get' | 'list' | 'onChange'>;

export interface Sources {
  readonly pools: Source<MachineConfigPool>;
  readonly configs: Source<MachineConfig>;
  readonly states: Source<MachineConfigNode>;
  readonly nodes: Source<Node>;
  readonly leases: Source<Lease>;
  readonly requests: Source<CertificateSigningRequest>;
}

export interface ControllerContext {
  readonly client: Pick<KubeClient, 'get' | 'list' | 'create' | 'update' | 'updateStatus' | 'delete'>;
  readonly informers: Sources;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly logger: Logger;
}

/** A running loop: registers its listeners when it is made, works until the abort. */
export interface Controller {
  run(signal: AbortSignal): Promise<void>;
}

export function createInformers(client: KubeClient, logger: Logger) {
  function informer<T extends KubeObject>(definition: ResourceDefinition<T>, namespace?: string): Informer<T> {
    return new Informer(client, definition, {
      ...(namespace !== undefined && { namespace }),
      onError: (error) =>
        logger.warn({ err: error, resource: definition.plural }, 'watch interrupted; it is taken up again'),
    });
  }
  return {
    pools: informer(machineConfigPoolResource),
    configs: informer(machineConfigResource),
    states: informer(machineConfigNodeResource),
    nodes: informer(nodeResource),
    leases: informer(leaseResource, nodeLeaseNamespace),
    requests: informer(certificateSigningRequestResource),
  } satisfies Sources;
}

export function nameOf(object: KubeObject): string {
  return object.metadata.name ?? '';
}
