// Names on the cluster that several manifests, the controllers and the check share.

/** Of the controllers. */
export const systemNamespace = 'varve-system';
/** Of what is put on hosts: the one that needs privileges, for a moment. */
export const agentNamespace = 'varve-agent';

export const controllerName = 'varve-controller';
export const agentName = 'varve-agent';

/** The Lease by which the controllers choose a leader. */
export const leaderLease = 'varve-controller';
/** The Secret with the key that signs what hosts run. */
export const configurationKeySecret = 'varve-configuration-key';
/** Registry credentials of the controllers, as a file of containers-auth.json(5). */
export const registryAuthSecret = 'varve-registry-auth';

/** Who the agents' pods are, for the API server (kubernetes.io, "Service accounts", user names). */
export const agentUser = `system:serviceaccount:${agentNamespace}:${agentName}`;
export const controllerUser = `system:serviceaccount:${systemNamespace}:${controllerName}`;

/** A host with a certificate of its own: `system:node:NAME` in this group (kubernetes.io, "Using Node Authorization"). */
export const hostsGroup = 'system:nodes';
export const hostPrefix = 'system:node:';
/** Hosts that join with a token of `varve node token`, as its `auth-extra-groups` says. */
export const joiningGroup = 'system:bootstrappers:varve';

export const metricsPort = 8080;
export const agentMetricsPort = 9464;
