// ValidatingAdmissionPolicies (admissionregistration.k8s.io/v1, KEP-3488): what RBAC and CustomResourceDefinitions cannot
// say. RBAC grants a kind to all hosts; these leave each host its own object.
import { kubeletClientSigner, nodeNameClaim, renderedNamePattern } from '@varve/api';
import { type Manifest, manifest } from './manifest.ts';
import { agentUser, controllerUser, hostPrefix, hostsGroup, joiningGroup } from './names.ts';

const apiVersion = 'admissionregistration.k8s.io/v1';

interface ResourceRule {
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly operations: readonly ('CREATE' | 'UPDATE' | 'DELETE')[];
  readonly resources: readonly string[];
}

export interface AdmissionPolicy {
  readonly name: string;
  readonly resourceRules: readonly ResourceRule[];
  /** All must hold for the policy to be asked. */
  readonly matchConditions: readonly { readonly name: string; readonly expression: string }[];
  readonly variables?: readonly { readonly name: string; readonly expression: string }[];
  /** A kind of Varve's: the policy is asked once with each object of it as `params`, and with none it holds. */
  readonly paramKind?: string;
  readonly validations: readonly {
    readonly expression: string;
    readonly message: string;
    /** In the place of the message. */
    readonly messageExpression?: string;
    /** `Invalid` unless given. */
    readonly reason?: 'Forbidden';
  }[];
}

const group = 'machineconfiguration.openshift.io';
const configs = { apiGroups: [group], apiVersions: ['v1'] };
const requests = { apiGroups: ['certificates.k8s.io'], apiVersions: ['v1'] };

const isHost = `'${hostsGroup}' in request.userInfo.groups`;
const isAgentPod = `request.userInfo.username == '${agentUser}'`;
const isJoining = `'${joiningGroup}' in request.userInfo.groups`;
/** What a pod's token names; '' for a token that is bound to no pod. Absent fields are missing in a request, not empty. */
const claimedNode = {
  name: 'node',
  expression: `has(request.userInfo.extra) && '${nodeNameClaim}' in request.userInfo.extra ? request.userInfo.extra['${nodeNameClaim}'][0] : ''`,
};

/** By its name too: its owner can be taken away. */
const isRendered = `oldObject.metadata.name.matches('${renderedNamePattern}') || has(oldObject.metadata.ownerReferences) && oldObject.metadata.ownerReferences.exists(owner, owner.kind == 'MachineConfigPool')`;

export const policies: readonly AdmissionPolicy[] = [
  {
    name: 'varve-own-node',
    resourceRules: [
      {
        ...configs,
        operations: ['CREATE', 'UPDATE', 'DELETE'],
        resources: ['machineconfignodes', 'machineconfignodes/status'],
      },
    ],
    matchConditions: [{ name: 'by-a-host', expression: `${isHost} || ${isAgentPod}` }],
    variables: [claimedNode],
    validations: [
      {
        expression: `${isHost} || variables.node != ''`,
        message: 'the credential names no node; bind the token to a pod',
        reason: 'Forbidden',
      },
      {
        // A certificate names its host in the user, a token in its claim.
        expression: `has(request.name) && (request.userInfo.username == '${hostPrefix}' + request.name || variables.node == request.name)`,
        message: 'a host may only write the MachineConfigNode of its own name',
        reason: 'Forbidden',
      },
      {
        expression: `request.operation == 'UPDATE' && has(request.subResource) && request.subResource == 'status'`,
        message: 'a host may only write the status',
        reason: 'Forbidden',
      },
    ],
  },
  {
    name: 'varve-host-certificates',
    resourceRules: [{ ...requests, operations: ['CREATE'], resources: ['certificatesigningrequests'] }],
    matchConditions: [{ name: 'by-a-joining-host', expression: `${isAgentPod} || ${isJoining}` }],
    variables: [claimedNode],
    validations: [
      {
        expression: `object.spec.signerName == '${kubeletClientSigner}'`,
        message: `a joining host may only ask the signer ${kubeletClientSigner}`,
        reason: 'Forbidden',
      },
      {
        expression: `!(${isAgentPod}) || variables.node != ''`,
        message: 'the token names no node; bind it to a pod',
        reason: 'Forbidden',
      },
    ],
  },
  {
    name: 'varve-rendered-configs',
    resourceRules: [{ ...configs, operations: ['UPDATE'], resources: ['machineconfigs'] }],
    matchConditions: [{ name: 'rendered', expression: isRendered }],
    validations: [
      {
        expression: 'object.spec == oldObject.spec',
        message: 'a rendered config never changes; change the MachineConfigs that it was merged from',
      },
    ],
  },
  keepUsedConfigs('varve-configs-of-pools', 'MachineConfigPool', [
    ['spec', 'configuration', 'name'],
    ['status', 'configuration', 'name'],
  ]),
  keepUsedConfigs('varve-configs-of-hosts', 'MachineConfigNode', [
    ['spec', 'configVersion', 'desired'],
    ['status', 'configVersion', 'current'],
    ['status', 'configVersion', 'desired'],
    ['status', 'update', 'config'],
    ['status', 'update', 'staged'],
    ['status', 'update', 'lastFailure', 'config'],
    ['status', 'booted', 'config'],
    ['status', 'rollback', 'config'],
  ]),
  {
    name: 'varve-used-pools',
    resourceRules: [{ ...configs, operations: ['DELETE'], resources: ['machineconfigpools'] }],
    matchConditions: [
      {
        name: 'with-hosts',
        expression: `has(oldObject.status) && has(oldObject.status.machineCount) && oldObject.status.machineCount > 0`,
      },
    ],
    validations: [
      {
        expression: 'false',
        message: 'hosts are in the pool; give them to another pool first (spec.nodeSelector, or their labels)',
      },
    ],
  },
];

/**
 * Rendered configs that an object of `kind` names in one of these fields stay. The controllers may delete: they look
 * themselves, and make one anew that is not what its name says.
 */
function keepUsedConfigs(name: string, kind: string, fields: readonly (readonly string[])[]): AdmissionPolicy {
  return {
    name,
    resourceRules: [{ ...configs, operations: ['DELETE'], resources: ['machineconfigs'] }],
    matchConditions: [
      { name: 'rendered', expression: isRendered },
      { name: 'by-others-than-the-controllers', expression: `request.userInfo.username != '${controllerUser}'` },
    ],
    paramKind: kind,
    validations: [
      {
        expression: `!(${fields.map((field) => `(${names(['params', ...field])})`).join(' || ')})`,
        message: `a ${kind} uses it; rendered configs that nothing uses go by themselves`,
        messageExpression: `'${kind} ' + params.metadata.name + ' uses it; rendered configs that nothing uses go by themselves'`,
        reason: 'Forbidden',
      },
    ],
  };
}

/** Whether the field is there and is the name of the object that is to go; what is above it may be absent, too. */
function names(path: readonly string[]): string {
  const there = path.slice(2).map((_field, index) => `has(${path.slice(0, index + 3).join('.')})`);
  const above = path[1] === 'status' ? ['has(params.status)'] : [];
  return [...above, ...there, `${path.join('.')} == oldObject.metadata.name`].join(' && ');
}

export function policyManifests(): Manifest[] {
  return policies.flatMap(({ name, resourceRules, paramKind, ...rest }) => [
    manifest(
      apiVersion,
      'ValidatingAdmissionPolicy',
      { name },
      {
        spec: {
          failurePolicy: 'Fail',
          ...(paramKind !== undefined && { paramKind: { apiVersion: `${group}/v1`, kind: paramKind } }),
          matchConstraints: { resourceRules },
          ...rest,
        },
      },
    ),
    manifest(
      apiVersion,
      'ValidatingAdmissionPolicyBinding',
      { name },
      {
        spec: {
          policyName: name,
          ...(paramKind !== undefined && { paramRef: { selector: {}, parameterNotFoundAction: 'Allow' } }),
          validationActions: ['Deny'],
        },
      },
    ),
  ]);
}
