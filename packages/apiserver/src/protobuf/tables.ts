// Field numbers of the messages that typed clients send (generated.proto of each API group in kubernetes/api and
// kubernetes/apimachinery). Fields that this server does not keep are left out; the decoder skips them.
import type { Field, FieldType, MessageTable } from './message.ts';

const one = (name: string, type: FieldType): Field => ({ name, type });
const many = (name: string, type: FieldType): Field => ({ name, type, shape: 'repeated' });
const map = (name: string, type: FieldType): Field => ({ name, type, shape: 'map' });

const ownerReference: MessageTable = {
  1: one('kind', 'string?'),
  3: one('name', 'string?'),
  4: one('uid', 'string?'),
  5: one('apiVersion', 'string?'),
  6: one('controller', 'bool?'),
  7: one('blockOwnerDeletion', 'bool?'),
};

const objectMeta: MessageTable = {
  1: one('name', 'string'),
  2: one('generateName', 'string'),
  3: one('namespace', 'string'),
  5: one('uid', 'string'),
  6: one('resourceVersion', 'string'),
  7: one('generation', 'int'),
  8: one('creationTimestamp', 'time'),
  9: one('deletionTimestamp', 'time'),
  10: one('deletionGracePeriodSeconds', 'int?'),
  11: map('labels', 'string'),
  12: map('annotations', 'string'),
  13: many('ownerReferences', ownerReference),
  14: many('finalizers', 'string'),
};

const metadata = one('metadata', objectMeta);

const secret: MessageTable = {
  1: metadata,
  2: map('data', 'bytes'),
  3: one('type', 'string'),
  4: map('stringData', 'string'),
  5: one('immutable', 'bool?'),
};

const configMap: MessageTable = {
  1: metadata,
  2: map('data', 'string'),
  3: map('binaryData', 'bytes'),
  4: one('immutable', 'bool?'),
};

const namespaceCondition: MessageTable = {
  1: one('type', 'string'),
  2: one('status', 'string'),
  4: one('lastTransitionTime', 'time'),
  5: one('reason', 'string'),
  6: one('message', 'string'),
};

const namespace: MessageTable = {
  1: metadata,
  2: one('spec', { 1: many('finalizers', 'string') }),
  3: one('status', { 1: one('phase', 'string'), 2: many('conditions', namespaceCondition) }),
};

const nodeCondition: MessageTable = {
  1: one('type', 'string'),
  2: one('status', 'string'),
  3: one('lastHeartbeatTime', 'time'),
  4: one('lastTransitionTime', 'time'),
  5: one('reason', 'string'),
  6: one('message', 'string'),
};

const taint: MessageTable = {
  1: one('key', 'string'),
  2: one('value', 'string'),
  3: one('effect', 'string'),
  4: one('timeAdded', 'time'),
};

const nodeInfo: MessageTable = {
  1: one('machineID', 'string?'),
  2: one('systemUUID', 'string?'),
  3: one('bootID', 'string?'),
  4: one('kernelVersion', 'string?'),
  5: one('osImage', 'string?'),
  6: one('containerRuntimeVersion', 'string?'),
  7: one('kubeletVersion', 'string?'),
  8: one('kubeProxyVersion', 'string?'),
  9: one('operatingSystem', 'string?'),
  10: one('architecture', 'string?'),
};

const nodeStatus: MessageTable = {
  1: map('capacity', 'quantity'),
  2: map('allocatable', 'quantity'),
  3: one('phase', 'string'),
  4: many('conditions', nodeCondition),
  5: many('addresses', { 1: one('type', 'string?'), 2: one('address', 'string?') }),
  6: one('daemonEndpoints', { 1: one('kubeletEndpoint', { 1: one('Port', 'int?') }) }),
  7: one('nodeInfo', nodeInfo),
  8: many('images', { 1: many('names', 'string'), 2: one('sizeBytes', 'int') }),
};

const node: MessageTable = {
  1: metadata,
  2: one('spec', {
    1: one('podCIDR', 'string'),
    3: one('providerID', 'string'),
    4: one('unschedulable', 'bool'),
    5: many('taints', taint),
    7: many('podCIDRs', 'string'),
  }),
  3: one('status', nodeStatus),
};

const objectReference: MessageTable = {
  1: one('kind', 'string'),
  2: one('namespace', 'string'),
  3: one('name', 'string'),
  4: one('uid', 'string'),
  5: one('apiVersion', 'string'),
  6: one('resourceVersion', 'string'),
  7: one('fieldPath', 'string'),
};

const event: MessageTable = {
  1: metadata,
  2: one('involvedObject', objectReference),
  3: one('reason', 'string'),
  4: one('message', 'string'),
  5: one('source', { 1: one('component', 'string'), 2: one('host', 'string') }),
  6: one('firstTimestamp', 'time'),
  7: one('lastTimestamp', 'time'),
  8: one('count', 'int'),
  9: one('type', 'string'),
  10: one('eventTime', 'microTime'),
  11: one('series', { 1: one('count', 'int'), 2: one('lastObservedTime', 'microTime') }),
  12: one('action', 'string'),
  13: one('related', objectReference),
  14: one('reportingComponent', 'string'),
  15: one('reportingInstance', 'string'),
};

const lease: MessageTable = {
  1: metadata,
  2: one('spec', {
    1: one('holderIdentity', 'string?'),
    2: one('leaseDurationSeconds', 'int?'),
    3: one('acquireTime', 'microTime'),
    4: one('renewTime', 'microTime'),
    5: one('leaseTransitions', 'int?'),
    6: one('strategy', 'string?'),
    7: one('preferredHolder', 'string?'),
  }),
};

const csrCondition: MessageTable = {
  1: one('type', 'string'),
  2: one('reason', 'string'),
  3: one('message', 'string'),
  4: one('lastUpdateTime', 'time'),
  5: one('lastTransitionTime', 'time'),
  6: one('status', 'string'),
};

const certificateSigningRequest: MessageTable = {
  1: metadata,
  2: one('spec', {
    1: one('request', 'bytes'),
    2: one('username', 'string'),
    3: one('uid', 'string'),
    4: many('groups', 'string'),
    5: many('usages', 'string'),
    6: map('extra', 'strings'),
    7: one('signerName', 'string'),
    8: one('expirationSeconds', 'int?'),
  }),
  3: one('status', { 1: many('conditions', csrCondition), 2: one('certificate', 'bytes') }),
};

const deleteOptions: MessageTable = {
  1: one('gracePeriodSeconds', 'int?'),
  2: one('preconditions', { 1: one('uid', 'string?'), 2: one('resourceVersion', 'string?') }),
  3: one('orphanDependents', 'bool?'),
  4: one('propagationPolicy', 'string?'),
  5: many('dryRun', 'string'),
};

const resourceAttributes: MessageTable = {
  1: one('namespace', 'string'),
  2: one('verb', 'string'),
  3: one('group', 'string'),
  4: one('version', 'string'),
  5: one('resource', 'string'),
  6: one('subresource', 'string'),
  7: one('name', 'string'),
};

const nonResourceAttributes: MessageTable = { 1: one('path', 'string'), 2: one('verb', 'string') };

const selfSubjectAccessReview: MessageTable = {
  1: metadata,
  2: one('spec', {
    1: one('resourceAttributes', resourceAttributes),
    2: one('nonResourceAttributes', nonResourceAttributes),
  }),
};

const subjectAccessReview: MessageTable = {
  1: metadata,
  2: one('spec', {
    1: one('resourceAttributes', resourceAttributes),
    2: one('nonResourceAttributes', nonResourceAttributes),
    3: one('user', 'string'),
    4: many('groups', 'string'),
    5: map('extra', 'strings'),
    6: one('uid', 'string'),
  }),
};

/** By `apiVersion/kind`; DeleteOptions is the same in every group. */
export const messageTables: Readonly<Record<string, MessageTable>> = {
  'v1/Secret': secret,
  'v1/ConfigMap': configMap,
  'v1/Namespace': namespace,
  'v1/Node': node,
  'v1/Event': event,
  'coordination.k8s.io/v1/Lease': lease,
  'certificates.k8s.io/v1/CertificateSigningRequest': certificateSigningRequest,
  'authentication.k8s.io/v1/SelfSubjectReview': { 1: metadata },
  'authentication.k8s.io/v1/TokenReview': {
    1: metadata,
    2: one('spec', { 1: one('token', 'string'), 2: many('audiences', 'string') }),
  },
  'authorization.k8s.io/v1/SelfSubjectAccessReview': selfSubjectAccessReview,
  'authorization.k8s.io/v1/SubjectAccessReview': subjectAccessReview,
  'authorization.k8s.io/v1/LocalSubjectAccessReview': subjectAccessReview,
  'authorization.k8s.io/v1/SelfSubjectRulesReview': { 1: metadata, 2: one('spec', { 1: one('namespace', 'string') }) },
};

export const deleteOptionsTable = deleteOptions;
