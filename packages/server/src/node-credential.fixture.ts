// The requests that a host's credential is tried with, on any API server of which the test has the authority.
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { type ResourceDefinition, resources } from '@varve/api';
import { type CertificateAuthority, createCertificateRequest, createKey, issueClientCertificate } from '@varve/kube';

/** Whose object a request is about: the host's own, another host's, or all of a kind. */
type Subject = 'its own' | 'another' | 'all';

export interface Attempt {
  /** `nodes`, `nodes/status`, or a path. */
  readonly what: string;
  readonly verb: string;
  readonly object: Subject;
  /** Better words for the object than whose it is. */
  readonly detail?: string;
  readonly namespace: string;
  readonly method: string;
  readonly path: string;
  readonly type?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Outcome {
  readonly attempt: Attempt;
  readonly code: number;
}

const own = 'host-1';
const other = 'host-2';
const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];
const subresources = ['', 'status', 'approval', 'finalize', 'scale'];

interface Sample {
  /** Name of the host's own object, or of another's. */
  name(host: string): string;
  /** What else a new object of the kind needs. */
  body(host: string, namespace: string): object;
  readonly detail?: string;
}

const plain: Sample = { name: (host) => host, body: () => ({ spec: {} }) };

function csrOf(host: string): object {
  const subject = { commonName: `system:node:${host}`, organizations: ['system:nodes'], key: createKey() };
  const request = Buffer.from(createCertificateRequest(subject)).toString('base64');
  return { spec: { request, signerName: 'kubernetes.io/kube-apiserver-client-kubelet', usages: ['client auth'] } };
}

/** By plural; a new kind must say here what it is like. */
const samples: Readonly<Record<string, Sample>> = {
  machineconfigpools: { ...plain, body: () => ({ spec: { paused: true } }) },
  machineconfignodes: {
    ...plain,
    body: (host) => ({
      spec: { node: { name: host }, pool: { name: host }, configVersion: { desired: `rendered-${host}` } },
    }),
  },
  machineconfigs: {
    name: (host) => `rendered-${host}`,
    body: () => ({ spec: {} }),
    detail: 'the config of its target',
  },
  machineconfigurations: { name: () => 'cluster', body: () => ({ spec: { managementState: 'Managed' } }) },
  clusterimagepolicies: {
    ...plain,
    body: () => ({ spec: { scopes: ['registry.example'], policy: { rootOfTrust: rootOfTrust() } } }),
  },
  nodes: plain,
  events: {
    name: (host) => `event-${host}`,
    body: (host, namespace) => ({ involvedObject: { kind: 'Node', name: host, namespace }, reason: 'Tried' }),
    detail: 'about objects of its name',
  },
  certificatesigningrequests: {
    name: (host) => `request-${host}`,
    body: csrOf,
    detail: "its own; a new one must ask for this host's certificate",
  },
  secrets: { ...plain, body: () => ({ data: {} }) },
  configmaps: { ...plain, body: () => ({ data: {} }) },
  leases: { ...plain, body: (host) => ({ spec: { holderIdentity: host } }) },
  namespaces: { ...plain, body: () => ({}) },
};

function rootOfTrust(): object {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  return { policyType: 'PublicKey', publicKey: { keyData: Buffer.from(pem).toString('base64') } };
}

function sampleOf({ plural }: ResourceDefinition): Sample {
  const sample = samples[plural];
  if (sample === undefined) throw new Error(`say in samples what an object of ${plural} is like`);
  return sample;
}

function namespacesOf({ scope }: ResourceDefinition): readonly string[] {
  return scope === 'Namespaced' ? namespaces : [''];
}

function collectionOf({ group, version, plural }: ResourceDefinition, namespace: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespace === '' ? '' : `/namespaces/${namespace}`}/${plural}`;
}

function objectOf(definition: ResourceDefinition, namespace: string, host: string): object {
  const { name, body } = sampleOf(definition);
  const { group, version, kind } = definition;
  return {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    metadata: { name: name(host), ...(namespace === '' ? {} : { namespace }) },
    ...body(host, namespace),
  };
}

/** A singleton and a published object are nobody's own. */
function subjectOf(
  definition: ResourceDefinition,
  namespace: string,
  host: string,
): Pick<Attempt, 'object' | 'detail'> {
  if (definition.plural === 'configmaps' && namespace === 'kube-public') return { object: 'its own', detail: 'any' };
  if (host !== own || definition.plural === 'machineconfigurations') return { object: 'another' };
  const { detail } = sampleOf(definition);
  return { object: 'its own', ...(detail === undefined ? {} : { detail }) };
}

export function attemptsOf(): Attempt[] {
  const attempts: Attempt[] = [];
  for (const definition of resources) {
    for (const namespace of namespacesOf(definition)) {
      attempts.push(...collectionAttempts(definition, namespace));
      for (const host of [own, other]) attempts.push(...objectAttempts(definition, namespace, host));
    }
    if (definition.scope === 'Namespaced') attempts.push(...readsOfAll(definition, ''));
  }
  return [...attempts, ...pathAttempts()];
}

function readsOfAll(definition: ResourceDefinition, namespace: string): Attempt[] {
  const path = collectionOf(definition, namespace);
  const about = { what: definition.plural, object: 'all', namespace, method: 'GET' } as const;
  return [
    { ...about, verb: 'list', path },
    { ...about, verb: 'watch', path: `${path}?watch=true&timeoutSeconds=1` },
    { ...about, verb: 'list', path: `${path}?labelSelector=a%3Db` },
    { ...about, verb: 'list', path: `${path}?fieldSelector=metadata.name%21%3D${other}` },
  ];
}

function collectionAttempts(definition: ResourceDefinition, namespace: string): Attempt[] {
  const path = `${collectionOf(definition, namespace)}?dryRun=All`;
  const removal: Attempt = {
    what: definition.plural,
    object: 'all',
    namespace,
    verb: 'deletecollection',
    method: 'DELETE',
    path,
  };
  return [...readsOfAll(definition, namespace), removal];
}

function objectAttempts(definition: ResourceDefinition, namespace: string, host: string): Attempt[] {
  const { plural } = definition;
  const collection = collectionOf(definition, namespace);
  const name = sampleOf(definition).name(host);
  const subject = { ...subjectOf(definition, namespace, host), namespace };
  const selected = `${collection}?fieldSelector=metadata.name%3D${name}`;
  const body = objectOf(definition, namespace, host);
  const attempts: Attempt[] = [
    { ...subject, what: plural, verb: 'list by name', method: 'GET', path: selected },
    { ...subject, what: plural, verb: 'watch by name', method: 'GET', path: `${selected}&watch=true&timeoutSeconds=1` },
    { ...subject, what: plural, verb: 'create', method: 'POST', path: `${collection}?dryRun=All`, body },
  ];
  for (const subresource of subresources) {
    const what = subresource === '' ? plural : `${plural}/${subresource}`;
    const path = `${collection}/${name}${subresource === '' ? '' : `/${subresource}`}`;
    const writing = `${path}?dryRun=All`;
    attempts.push(
      { ...subject, what, verb: 'get', method: 'GET', path },
      { ...subject, what, verb: 'update', method: 'PUT', path: writing, body },
      ...patchTypes.map(([type, patch]) => ({
        ...subject,
        what,
        verb: 'patch',
        method: 'PATCH',
        path: writing,
        type,
        body: patch,
      })),
      { ...subject, what, verb: 'delete', method: 'DELETE', path: writing },
    );
  }
  return attempts;
}

const patchTypes = [
  ['application/merge-patch+json', {}],
  ['application/json-patch+json', []],
] as const;

function pathAttempts(): Attempt[] {
  const about = { object: 'its own', detail: 'path', namespace: '', method: 'GET', verb: 'get' } as const;
  const paths = ['/', '/api', '/apis', '/openapi/v2', '/openapi/v3', '/version', '/healthz', '/livez', '/readyz'];
  const attempts: Attempt[] = [...paths, '/metrics'].map((path) => ({
    ...about,
    what: `\`${path}\``,
    path,
  }));
  const impersonation = { ...about, object: 'another', what: 'impersonation', path: '/api' } as const;
  return [
    ...attempts,
    { ...impersonation, verb: 'impersonate', headers: { 'impersonate-user': `system:node:${other}` } },
    {
      ...impersonation,
      verb: 'impersonate',
      headers: { 'impersonate-user': 'x', 'impersonate-group': 'system:masters' },
    },
    ...reviews.map(([what, detail, path, spec]) => ({
      ...about,
      what,
      detail,
      verb: 'create',
      method: 'POST',
      path,
      body: { spec },
    })),
  ];
}

const reviews: readonly (readonly [what: string, detail: string, path: string, spec: object])[] = [
  [
    'selfsubjectaccessreviews',
    'about itself',
    '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    { nonResourceAttributes: { path: '/api', verb: 'get' } },
  ],
  [
    'selfsubjectrulesreviews',
    'about itself',
    '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    { namespace: 'default' },
  ],
  ['selfsubjectreviews', 'about itself', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {}],
  [
    'subjectaccessreviews',
    'about others',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    { user: 'x', nonResourceAttributes: { path: '/api', verb: 'get' } },
  ],
  ['tokenreviews', 'about others', '/apis/authentication.k8s.io/v1/tokenreviews', { token: 'x' }],
];

export interface Target {
  readonly url: string;
  /** Of the server's certificate, and of client certificates. */
  readonly authority: CertificateAuthority;
}

/** Tries everything, one after the other, as host-1; objects of both hosts are there. */
export async function tryAll(target: Target): Promise<Outcome[]> {
  const admin = await connectAs(target, 'admin', 'system:masters');
  const mine = await connectAs(target, `system:node:${own}`, 'system:nodes');
  const others = await connectAs(target, `system:node:${other}`, 'system:nodes');
  await makeObjects(
    target,
    admin,
    new Map([
      [own, mine],
      [other, others],
    ]),
  );
  const outcomes: Outcome[] = [];
  for (const attempt of attemptsOf()) {
    const sent = await withVersion(target, admin, attempt);
    outcomes.push({ attempt, code: (await ask(target, mine, sent)).code });
  }
  for (const connection of [admin, mine, others]) connection.destroy();
  return outcomes;
}

async function connectAs({ authority }: Target, commonName: string, organization: string): Promise<Agent> {
  const subject = { commonName, organizations: [organization] };
  const { certificate: cert, key } = await issueClientCertificate(authority, subject);
  return new Agent({ keepAlive: true, maxSockets: 1, ca: authority.certificate, cert, key });
}

async function makeObjects(target: Target, admin: Agent, hosts: ReadonlyMap<string, Agent>): Promise<void> {
  for (const definition of resources) {
    for (const namespace of namespacesOf(definition)) {
      for (const [host, connection] of hosts) {
        // A request belongs to whoever made it.
        const agent = definition.plural === 'certificatesigningrequests' ? connection : admin;
        const path = collectionOf(definition, namespace);
        const body = objectOf(definition, namespace, host);
        const { code, text } = await ask(target, agent, { method: 'POST', path, body });
        if (code !== 201 && code !== 409) throw new Error(`${path} ${host}: ${code} ${text}`);
      }
    }
  }
}

/** A PUT of most kinds must name the version that it replaces. */
async function withVersion(target: Target, admin: Agent, attempt: Attempt): Promise<Attempt> {
  if (attempt.method !== 'PUT') return attempt;
  const [path = ''] = attempt.path.split('?');
  const { code, text } = await ask(target, admin, { method: 'GET', path });
  return code === 200 ? { ...attempt, body: JSON.parse(text) } : attempt;
}

type Sent = Pick<Attempt, 'method' | 'path' | 'type' | 'body' | 'headers'>;

/** Watches are left once their headers are there. */
async function ask(target: Target, agent: Agent, sent: Sent): Promise<{ code: number; text: string }> {
  const payload = sent.body === undefined ? undefined : JSON.stringify(sent.body);
  const request = httpsRequest(`${target.url}${sent.path}`, {
    method: sent.method,
    agent,
    timeout: 15_000,
    headers: {
      ...(payload === undefined ? {} : { 'content-type': sent.type ?? 'application/json' }),
      ...sent.headers,
    },
  });
  request.end(payload);
  const [response]: IncomingMessage[] = await once(request, 'response');
  if (response === undefined) throw new Error('no answer');
  const code = response.statusCode ?? 0;
  if (sent.path.includes('watch=true')) {
    response.destroy();
    return { code, text: '' };
  }
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { code, text };
}
