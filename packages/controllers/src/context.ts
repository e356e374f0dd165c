// What every controller is given: the server, one shared copy of what is on it, and where to report.
import {
  type CertificateSigningRequest,
  type ClusterImagePolicy,
  type ConfigMap,
  certificateSigningRequestResource,
  clusterImagePolicyResource,
  configMapResource,
  configurationKeysName,
  type KubeObject,
  type Lease,
  leaseResource,
  type MachineConfig,
  type MachineConfigNode,
  type MachineConfigPool,
  type MachineConfiguration,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  machineConfigurationResource,
  type Node,
  nodeResource,
  type ResourceDefinition,
} from '@varve/api';
import { type EventRecorder, Informer, type KubeClient } from '@varve/kube';
import type { Logger } from 'pino';
import type { TargetSigner } from './sign/signer.ts';

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
  readonly configurations: Source<MachineConfiguration>;
  readonly imagePolicies: Source<ClusterImagePolicy>;
  /** The published chain of configuration keys, alone. */
  readonly keys: Source<ConfigMap>;
}

export interface ControllerContext {
  readonly client: Pick<KubeClient, 'get' | 'list' | 'create' | 'update' | 'updateStatus' | 'delete'>;
  readonly informers: Sources;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly targets: TargetSigner;
  readonly logger: Logger;
}

/** A running loop: registers its listeners when it is made, works until the abort. */
export interface Controller {
  run(signal: AbortSignal): Promise<void>;
}

export function createInformers(client: KubeClient, logger: Logger) {
  function informer<T extends KubeObject>(
    definition: ResourceDefinition<T>,
    only: { namespace?: string; fieldSelector?: string } = {},
  ): Informer<T> {
    return new Informer(client, definition, {
      ...only,
      onError: (error) =>
        logger.warn({ err: error, resource: definition.plural }, 'watch interrupted; it is taken up again'),
    });
  }
  return {
    pools: informer(machineConfigPoolResource),
    configs: informer(machineConfigResource),
    states: informer(machineConfigNodeResource),
    nodes: informer(nodeResource),
    leases: informer(leaseResource, { namespace: nodeLeaseNamespace }),
    requests: informer(certificateSigningRequestResource),
    configurations: informer(machineConfigurationResource),
    imagePolicies: informer(clusterImagePolicyResource),
    keys: informer(configMapResource, {
      namespace: configurationKeysName.namespace,
      fieldSelector: `metadata.name=${configurationKeysName.name}`,
    }),
  } satisfies Sources;
}

export function nameOf(object: KubeObject): string {
  return object.metadata.name ?? '';
}
