// Who may have a host's certificate. Pure: the request has been parsed and its signature checked by now.
// Model: the approvers of kube-controller-manager (pkg/controller/certificates/approver/sarapprove.go), with one rule
// more: a bootstrap token enrolls new names only, so that its holder cannot take the place of a host that exists.
import { type CertificateSigningRequest, kubeletClientSigner, nodeNameClaim } from '@varve/api';
import type { CertificateRequest } from '@varve/kube';

export type Decision =
  | { readonly kind: 'Approve'; readonly nodeName: string; readonly reason: string; readonly message: string }
  | { readonly kind: 'Deny'; readonly reason: string; readonly message: string }
  /** Left to a human: `kubectl certificate approve`. */
  | { readonly kind: 'Wait'; readonly reason: string; readonly message: string };

/** On a cluster whose kubelets ask for the same certificates, and whose kube-controller-manager signs them. */
export interface ClusterHosts {
  /** User of the pods that install the agent; a pod's token names its node. */
  readonly podUser: string;
  /** Group of the hosts that join with a token of ours. */
  readonly joiningGroup: string;
}

const nodePrefix = 'system:node:';
const nodesGroup = 'system:nodes';
const bootstrapPrefix = 'system:bootstrap:';
const bootstrappersGroup = 'system:bootstrappers';
/** RFC 1123 subdomain, the form of every Node name. */
const nodeName = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const allowedUsages = new Set(['digital signature', 'key encipherment', 'client auth']);

/** The node that a well-formed request is for; a refusal otherwise. */
export function requestedNode(
  csr: CertificateSigningRequest,
  request: CertificateRequest,
): { node: string } | { refusal: string } {
  const usages = csr.spec.usages ?? [];
  const node = request.commonName.slice(nodePrefix.length);
  if (!request.commonName.startsWith(nodePrefix) || !nodeName.test(node)) {
    return { refusal: `the common name must be ${nodePrefix}NAME, with a valid node name` };
  }
  if (request.organizations.length !== 1 || request.organizations[0] !== nodesGroup) {
    return { refusal: `the organization must be ${nodesGroup} and nothing else` };
  }
  if (request.alternativeNames.length > 0) return { refusal: 'alternative names are not given to hosts' };
  if (!usages.includes('client auth') || !usages.every((usage) => allowedUsages.has(usage))) {
    return { refusal: 'the usages must be client auth and digital signature' };
  }
  return { node };
}

/** `nameTaken`: a Node of that name exists, or another approved request is about to make it. */
export function decide(
  csr: CertificateSigningRequest,
  request: CertificateRequest,
  nameTaken: boolean,
  cluster?: ClusterHosts,
): Decision {
  const wanted = requestedNode(csr, request);
  if ('refusal' in wanted) return { kind: 'Deny', reason: 'RequestInvalid', message: wanted.refusal };
  const { node } = wanted;
  const { username = '', groups = [] } = csr.spec;
  if (cluster && username === cluster.podUser) return decideByClaim(csr, node);
  if (username === request.commonName && groups.includes(nodesGroup)) {
    if (nameTaken)
      return { kind: 'Approve', nodeName: node, reason: 'Renewal', message: `${node} renews its own certificate` };
    return { kind: 'Deny', reason: 'NodeGone', message: `Node ${node} was deleted; join again with a token` };
  }
  if (username.startsWith(bootstrapPrefix) && groups.includes(bootstrappersGroup)) {
    if (!nameTaken)
      return { kind: 'Approve', nodeName: node, reason: 'Joined', message: `${node} joins with a valid token` };
    const message = `a node ${node} exists already: if this host replaces it, approve with "kubectl certificate approve ${csr.metadata.name}" or delete the node`;
    return { kind: 'Wait', reason: 'NodeExists', message };
  }
  const message = `${username || 'the requester'} is neither a joining host nor ${node} itself; approve with "kubectl certificate approve ${csr.metadata.name}"`;
  return { kind: 'Wait', reason: 'NotAutomatic', message };
}

/** The pod on a node may ask for that node: the kubelet has made it. */
function decideByClaim(csr: CertificateSigningRequest, node: string): Decision {
  const claimed = csr.spec.extra?.[nodeNameClaim] ?? [];
  if (claimed.length === 1 && claimed[0] === node) {
    return { kind: 'Approve', nodeName: node, reason: 'Installed', message: `the agent's pod on ${node} asks for it` };
  }
  const message = `the token of the agent's pod is for node ${claimed.join(', ') || '(none)'}, not for ${node}`;
  return { kind: 'Deny', reason: 'NodeMismatch', message };
}

/** On a cluster all others are for the cluster to decide, renewals too. */
export function isOurs({ spec }: CertificateSigningRequest, cluster?: ClusterHosts): boolean {
  if (spec.signerName !== kubeletClientSigner) return false;
  if (!cluster) return true;
  return spec.username === cluster.podUser || (spec.groups ?? []).includes(cluster.joiningGroup);
}

export type Verdict = 'Pending' | 'Approved' | 'Refused' | 'Issued';

export function verdictOf(csr: CertificateSigningRequest): Verdict {
  const types = csr.status?.conditions?.map((condition) => condition.type) ?? [];
  if (types.includes('Denied') || types.includes('Failed')) return 'Refused';
  if (csr.status?.certificate) return 'Issued';
  return types.includes('Approved') ? 'Approved' : 'Pending';
}
