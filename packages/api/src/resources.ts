// All kinds, in the order in which people look for them.
import { certificateSigningRequestResource } from './core/certificate-signing-request.ts';
import { configMapResource } from './core/config-map.ts';
import { eventResource } from './core/event.ts';
import { leaseResource } from './core/lease.ts';
import { namespaceResource } from './core/namespace.ts';
import { nodeResource } from './core/node.ts';
import { secretResource } from './core/secret.ts';
import { clusterImagePolicyResource } from './kinds/cluster-image-policy.ts';
import { machineConfigResource } from './kinds/machine-config.ts';
import { machineConfigNodeResource } from './kinds/machine-config-node.ts';
import { machineConfigPoolResource } from './kinds/machine-config-pool.ts';
import { machineConfigurationResource } from './kinds/machine-configuration.ts';
import type { ResourceDefinition } from './resource.ts';

export const resources: readonly ResourceDefinition[] = [
  machineConfigPoolResource,
  machineConfigNodeResource,
  machineConfigResource,
  machineConfigurationResource,
  clusterImagePolicyResource,
  nodeResource,
  eventResource,
  certificateSigningRequestResource,
  secretResource,
  configMapResource,
  leaseResource,
  namespaceResource,
];
