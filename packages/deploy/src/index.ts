export { checkCluster } from './check.ts';
export { DeployError, type DeployErrorCode, deployErrorCodes } from './error.ts';
export { defaultParts, type ManifestOptions, manifests, parts } from './manifests.ts';
export {
  agentNamespace,
  agentUser,
  configurationKeySecret,
  joiningGroup,
  leaderLease,
  systemNamespace,
} from './names.ts';
export { refuseOtherOperator } from './other-operator.ts';
