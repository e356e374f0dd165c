// Who may do what on a cluster, as data: the manifests grant it, the check asks the server whether it holds, and
// documents list it. Least privilege: each rule names what needs it.
import { configurationKeysName, kubeletClientSigner } from '@varve/api';
import {
  agentUser,
  configurationKeySecret,
  controllerUser,
  hostsGroup,
  joiningGroup,
  leaderLease,
  systemNamespace,
} from './names.ts';

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface Grant {
  readonly name: string;
  /** Absent: everywhere, and cluster-scoped resources. */
  readonly namespace?: string;
  readonly subjects: readonly Subject[];
  readonly rules: readonly PolicyRule[];
}

export interface Subject {
  readonly kind: 'ServiceAccount' | 'Group';
  readonly name: string;
  readonly namespace?: string;
}

const configs = 'machineconfiguration.openshift.io';
const reads = ['get', 'list', 'watch'];

const controllers: readonly Subject[] = [subjectOf(controllerUser)];
const hosts: readonly Subject[] = [{ kind: 'Group', name: hostsGroup }];
const joining: readonly Subject[] = [subjectOf(agentUser), { kind: 'Group', name: joiningGroup }];

export const grants: readonly Grant[] = [
  {
    name: 'varve-controller',
    subjects: controllers,
    rules: [
      // Rendered configs are made and collected, never changed.
      rule(configs, ['machineconfigs'], [...reads, 'create', 'delete']),
      rule(configs, ['machineconfigpools'], [...reads, 'update']),
      rule(configs, ['machineconfigpools/status'], ['update']),
      // Their status is the agents' alone.
      rule(configs, ['machineconfignodes'], [...reads, 'create', 'update', 'delete']),
      rule('operator.openshift.io', ['machineconfigurations'], reads),
      rule('operator.openshift.io', ['machineconfigurations/status'], ['update']),
      rule('config.openshift.io', ['clusterimagepolicies'], reads),
      rule('config.openshift.io', ['clusterimagepolicies/status'], ['update']),
      // Made for plain hosts that join; cordoned for the drain.
      rule('', ['nodes'], [...reads, 'create', 'update']),
      rule('', ['nodes/status'], ['update']),
      rule('', ['pods'], reads),
      rule('', ['pods/eviction'], ['create']),
      rule('policy', ['poddisruptionbudgets'], reads),
      rule('certificates.k8s.io', ['certificatesigningrequests'], reads),
      rule('certificates.k8s.io', ['certificatesigningrequests/approval'], ['update']),
      rule('certificates.k8s.io', ['signers'], ['approve'], [kubeletClientSigner]),
      // Whether another machine-config operator runs.
      rule('config.openshift.io', ['clusteroperators'], ['get'], ['machine-config']),
      rule('apiextensions.k8s.io', ['customresourcedefinitions'], ['get']),
    ],
  },
  {
    name: 'varve-controller',
    namespace: systemNamespace,
    subjects: controllers,
    rules: [
      // A name can only be granted to requests that have one in their path.
      rule('coordination.k8s.io', ['leases'], ['create']),
      rule('coordination.k8s.io', ['leases'], ['get', 'update'], [leaderLease]),
      rule('', ['secrets'], ['create']),
      rule('', ['secrets'], [...reads, 'update'], [configurationKeySecret]),
    ],
  },
  {
    // Events about objects without a namespace lie in `default`.
    name: 'varve-controller-events',
    namespace: 'default',
    subjects: controllers,
    rules: [rule('', ['events'], ['create', 'patch'])],
  },
  {
    name: 'varve-controller-keys',
    namespace: configurationKeysName.namespace,
    subjects: controllers,
    rules: [
      rule('', ['configmaps'], ['create']),
      rule('', ['configmaps'], [...reads, 'update'], [configurationKeysName.name]),
    ],
  },
  {
    name: 'varve-configuration-keys',
    namespace: configurationKeysName.namespace,
    subjects: [{ kind: 'Group', name: 'system:authenticated' }],
    rules: [rule('', ['configmaps'], ['get'], [configurationKeysName.name])],
  },
  {
    // Their own Node, lease and events are the Node authorizer's to grant.
    name: 'varve-host',
    subjects: hosts,
    rules: [
      rule(configs, ['machineconfignodes'], reads),
      rule(configs, ['machineconfignodes/status'], ['update', 'patch']),
      rule(configs, ['machineconfigs'], ['get']),
    ],
  },
  {
    name: 'varve-join',
    subjects: joining,
    rules: [rule('certificates.k8s.io', ['certificatesigningrequests'], ['create', 'get'])],
  },
];

/** The built-in role by which kube-controller-manager approves a host's renewal of its own certificate. */
export const renewalRole = 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient';

function rule(
  group: string,
  resources: readonly string[],
  verbs: readonly string[],
  resourceNames?: readonly string[],
): PolicyRule {
  return { apiGroups: [group], resources, verbs, ...(resourceNames && { resourceNames }) };
}

function subjectOf(user: string): Subject {
  const [, , namespace = '', name = ''] = user.split(':');
  return { kind: 'ServiceAccount', name, namespace };
}
