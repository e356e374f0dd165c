// The kinds that this server serves.
import {
  certificateSigningRequestResource,
  configMapResource,
  eventResource,
  leaseResource,
  machineConfigNodeResource,
  machineConfigPoolResource,
  machineConfigResource,
  namespaceResource,
  nodeResource,
  type ResourceDefinition,
  secretResource,
} from '@varve/api';

export const servedKinds: readonly ResourceDefinition[] = [
  machineConfigResource,
  machineConfigPoolResource,
  machineConfigNodeResource,
  nodeResource,
  namespaceResource,
  secretResource,
  configMapResource,
  eventResource,
  leaseResource,
  certificateSigningRequestResource,
];
