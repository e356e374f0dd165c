// Enrolls hosts: decides on their certificate requests, makes their Nodes, signs. In that order, and each step looks
// for what is there: killed between any two, it goes on. On a cluster kube-controller-manager signs.
import { type CertificateSigningRequest, certificateSigningRequestResource, type Node, nodeResource } from '@varve/api';
import { type CertificateRequest, formatTime, inspectCertificateRequest, isKubeError } from '@varve/kube';
import { type Controller, type ControllerContext, nameOf } from '../context.ts';
import { createQueue } from '../queue.ts';
import { type ClusterHosts, decide, isOurs, requestedNode, verdictOf } from './decide.ts';
import { tokenLabels } from './node-labels.ts';

/** Signs with the authority's key, which this package never sees. `validity` in milliseconds; the answer is PEM. */
export type Signer = (requestPem: string, options: { validity: number }) => Promise<string>;

/** Hosts renew at two thirds: for the last third, ten days, the control plane may be gone before they are locked out. */
const maxValidity = 30 * 24 * 60 * 60 * 1000;
/** kube-controller-manager never signs for less (certificates/v1 spec.expirationSeconds). */
const minValidity = 10 * 60 * 1000;

/** Signs, or leaves that to the cluster. */
export type Enrollment = { readonly signer: Signer } | { readonly cluster: ClusterHosts };

export function createEnrollController(context: ControllerContext, enrollment: Enrollment): Controller {
  const { informers, logger } = context;
  const cluster = clusterOf(enrollment);
  // One at a time: two requests for one name must not both find it free.
  const queue = createQueue('enroll', logger, (key, signal) => reconcileRequest(context, enrollment, key, signal), 1);
  informers.requests.onChange(({ key, object }) => {
    if (isOurs(object, cluster)) queue.add(key);
  });
  informers.nodes.onChange((change) => {
    if (change.type !== 'deleted') return;
    // A name has become free; requests that waited for a human may go on.
    for (const csr of informers.requests.list())
      if (verdictOf(csr) === 'Pending' && isOurs(csr, cluster)) queue.add(nameOf(csr));
  });
  return { run: (signal) => queue.run(signal) };
}

function clusterOf(enrollment: Enrollment): ClusterHosts | undefined {
  return 'cluster' in enrollment ? enrollment.cluster : undefined;
}

async function reconcileRequest(
  context: ControllerContext,
  enrollment: Enrollment,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const csr = context.informers.requests.get(key);
  const cluster = clusterOf(enrollment);
  if (!csr || !isOurs(csr, cluster)) return;
  const verdict = verdictOf(csr);
  if (verdict === 'Refused' || (verdict === 'Issued' && !mayLackNode(csr, cluster))) return;
  const pem = Buffer.from(csr.spec.request, 'base64').toString('utf8');
  const request = await inspect(pem);
  if ('refusal' in request) {
    // What was approved is for the cluster's signer to refuse, which says so itself.
    if (verdict === 'Pending' || !cluster)
      await refuse(context, csr, verdict, 'RequestInvalid', request.refusal, signal);
  } else if (verdict === 'Pending') await decidePending(context, csr, request, cluster, signal);
  else await fulfil(context, enrollment, csr, request, pem, signal);
}

/** Milliseconds after an approval in which a Node is made that is not there; one that goes missing later was deleted. */
const nodeMissingFor = 10 * 60_000;

/** A cluster signs as soon as the request is approved: it may be done before the host's Node is made. */
function mayLackNode({ spec, status }: CertificateSigningRequest, cluster: ClusterHosts | undefined): boolean {
  if (!cluster || !(spec.groups ?? []).includes(cluster.joiningGroup)) return false;
  const approval = status?.conditions?.find(({ type }) => type === 'Approved');
  return Date.now() - Date.parse(approval?.lastUpdateTime ?? '') < nodeMissingFor;
}

async function inspect(pem: string): Promise<CertificateRequest | { refusal: string }> {
  try {
    return await inspectCertificateRequest(pem);
  } catch (error) {
    if (isKubeError(error, 'CERTIFICATE_REQUEST_INVALID')) return { refusal: error.message };
    throw error;
  }
}

async function decidePending(
  context: ControllerContext,
  csr: CertificateSigningRequest,
  request: CertificateRequest,
  cluster: ClusterHosts | undefined,
  signal: AbortSignal,
): Promise<void> {
  const wanted = requestedNode(csr, request);
  const taken = 'node' in wanted && (await isNameTaken(context, csr, request.commonName, wanted.node, cluster, signal));
  const decision = decide(csr, request, taken, cluster);
  if (decision.kind === 'Wait') {
    context.events.record(csr, 'Warning', decision.reason, decision.message);
    return;
  }
  if (decision.kind === 'Deny') {
    await refuse(context, csr, 'Pending', decision.reason, decision.message, signal);
    return;
  }
  await writeCondition(context, csr, 'Approved', decision.reason, decision.message, 'approval', signal);
  context.events.record(csr, 'Normal', 'Approved', decision.message);
}

/** Asks the server, not the cache: the answer opens a door. */
async function isNameTaken(
  { client }: ControllerContext,
  csr: CertificateSigningRequest,
  commonName: string,
  node: string,
  cluster: ClusterHosts | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  if (await exists(client.get(nodeResource, node, { signal }))) return true;
  const { items } = await client.list(certificateSigningRequestResource, { signal });
  for (const other of items) {
    if (nameOf(other) === nameOf(csr) || !isOurs(other, cluster) || verdictOf(other) !== 'Approved') continue;
    const request = await inspect(Buffer.from(other.spec.request, 'base64').toString('utf8'));
    if ('commonName' in request && request.commonName === commonName) return true;
  }
  return false;
}

async function exists(read: Promise<unknown>): Promise<boolean> {
  try {
    await read;
    return true;
  } catch (error) {
    if (isKubeError(error, 'NOT_FOUND')) return false;
    throw error;
  }
}

/** Also for requests that a human approved: what is signed must still be a host's certificate. */
async function fulfil(
  context: ControllerContext,
  enrollment: Enrollment,
  csr: CertificateSigningRequest,
  request: CertificateRequest,
  pem: string,
  signal: AbortSignal,
): Promise<void> {
  const wanted = requestedNode(csr, request);
  if ('refusal' in wanted) {
    if ('signer' in enrollment)
      await refuse(context, csr, 'Approved', 'SignerValidationFailure', wanted.refusal, signal);
    return;
  }
  await ensureNode(context, wanted.node, csr.spec.username ?? '', signal);
  if ('cluster' in enrollment) return;
  const asked = (csr.spec.expirationSeconds ?? maxValidity / 1000) * 1000;
  const certificate = await enrollment.signer(pem, { validity: Math.min(maxValidity, Math.max(minValidity, asked)) });
  const status = { ...csr.status, certificate: Buffer.from(certificate).toString('base64') };
  await context.client.updateStatus(certificateSigningRequestResource, { ...csr, status }, { signal });
  context.events.record(csr, 'Normal', 'Issued', `a certificate for ${request.commonName} was issued`);
}

async function ensureNode(
  { client, events }: ControllerContext,
  name: string,
  username: string,
  signal: AbortSignal,
): Promise<void> {
  if (await exists(client.get(nodeResource, name, { signal }))) return;
  // A label's value is shorter than a name may be.
  const hostname = name.length <= 63 ? { 'kubernetes.io/hostname': name } : {};
  const labels = { ...(await tokenLabels(client, username, signal)), ...hostname };
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: {} };
  try {
    events.record(await client.create(nodeResource, node, { signal }), 'Normal', 'Joined', `${name} has joined`);
  } catch (error) {
    if (!isKubeError(error, 'ALREADY_EXISTS')) throw error;
  }
}

/** A pending request is denied; one that was approved has failed. */
async function refuse(
  context: ControllerContext,
  csr: CertificateSigningRequest,
  verdict: 'Pending' | 'Approved' | 'Issued',
  reason: string,
  message: string,
  signal: AbortSignal,
): Promise<void> {
  if (verdict === 'Pending') await writeCondition(context, csr, 'Denied', reason, message, 'approval', signal);
  else await writeCondition(context, csr, 'Failed', reason, message, 'status', signal);
  context.events.record(csr, 'Warning', reason, message);
}

async function writeCondition(
  { client }: ControllerContext,
  csr: CertificateSigningRequest,
  type: 'Approved' | 'Denied' | 'Failed',
  reason: string,
  message: string,
  subresource: 'approval' | 'status',
  signal: AbortSignal,
): Promise<void> {
  const time = formatTime(new Date());
  const condition = { type, status: 'True' as const, reason, message, lastUpdateTime: time, lastTransitionTime: time };
  const status = { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] };
  await client.update(certificateSigningRequestResource, { ...csr, status }, { subresource, signal });
}
