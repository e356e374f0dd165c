export { checkCluster } from './check.ts';
export { DeployError, type DeployErrorCode, deployErrorCodes } from './error.ts';
export type { Finding } from './finding.ts';
export type { Manifest } from './manifest.ts';
export { defaultParts, type ManifestOptions, manifests, type Part, parts } from './manifests.ts';
export {
  agentUser,
  configurationKeySecret,
  hostPrefix,
  joiningGroup,
  leaderLease,
  systemNamespace,
} from './names.ts';
export { refuseOtherOperator } from './other-operator.ts';
