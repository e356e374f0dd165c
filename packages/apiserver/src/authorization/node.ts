// A host: it touches its own objects and nothing else (the idea of kubernetes' node authorizer and NodeRestriction).
import { type ResourceDefinition, textAt } from '@varve/api';
import type { ApiObject } from '../object.ts';
import { forbiddenFor, qualifiedName } from '../status.ts';
import type { Store } from '../store/store.ts';
import { nodesGroup, nodeUserPrefix, type ResourceAttributes, type User } from '../user.ts';
import type { Role } from './authorizer.ts';
import { checkHostRequest, createsRequest, readsOwnRequest } from './certificate-requests.ts';

export interface NodeRoleOptions {
  readonly store: Store;
  /** Cluster-scoped resources whose object named like the host belongs to it, by qualified name. */
  readonly ownResources: readonly string[];
  /** Resources of which a host may read the objects that `relatedNames` gives. */
  readonly relatedResources: readonly string[];
  /** Names of the objects of a related resource that the host `node` may read. */
  relatedNames(node: string, resource: string): Promise<ReadonlySet<string>> | ReadonlySet<string>;
}

const leases = 'leases.coordination.k8s.io';
const leaseNamespace = 'kube-node-lease';
/** Of events about objects without a namespace, such as a host's. */
const eventNamespace = 'default';
const reads = ['get', 'list', 'watch'];

/** Name of the host whose credential the user has, or undefined. */
export function nodeNameOf(user: User): string | undefined {
  if (!user.groups.includes(nodesGroup) || !user.name.startsWith(nodeUserPrefix)) return undefined;
  const name = user.name.slice(nodeUserPrefix.length);
  return name === '' ? undefined : name;
}

export function nodeRole(options: NodeRoleOptions): Role {
  return {
    holds: (user) => nodeNameOf(user) !== undefined,
    async allows(user, attributes) {
      const node = nodeNameOf(user);
      if (attributes.kind !== 'resource' || node === undefined) return false;
      if (createsRequest(attributes) || readsOwnRequest(options.store, user, attributes)) return true;
      return allowsResource(options, node, attributes);
    },
    resourceRules: [
      {
        verbs: ['get', 'watch', 'update', 'patch'],
        apiGroups: ['*'],
        resources: ['*/status'],
        resourceNames: ['<own>'],
      },
      { verbs: ['create', 'patch'], apiGroups: [''], resources: ['events'] },
      { verbs: ['create', 'get', 'update', 'patch'], apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
      { verbs: ['create', 'get'], apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'] },
    ],
    nonResourceRules: [],
    admission: {
      create: (user, definition, object) => admitCreate(user, definition, object),
      update: (user, definition, object, old) => admitUpdate(user, definition, object, old),
    },
  };
}

/** Lists and watches are allowed only where a field selector narrows them to one name. */
async function allowsResource(
  options: NodeRoleOptions,
  node: string,
  attributes: ResourceAttributes,
): Promise<boolean> {
  const { verb, name, namespace, subresource } = attributes;
  const resource = qualifiedName({ group: attributes.group, plural: attributes.resource });
  if (options.ownResources.includes(resource)) {
    if (name !== node) return false;
    if (reads.includes(verb)) return subresource === '' || subresource === 'status';
    return (verb === 'update' || verb === 'patch') && subresource === 'status';
  }
  if (options.relatedResources.includes(resource)) {
    if (!reads.includes(verb) || name === '' || subresource !== '') return false;
    return (await options.relatedNames(node, resource)).has(name);
  }
  if (subresource !== '') return false;
  if (resource === leases) return namespace === leaseNamespace && allowsLease(verb, name, node);
  // Whose event it is stands in its content, which admission reads.
  return resource === 'events' && namespace === eventNamespace && ['create', 'patch', 'update'].includes(verb);
}

function allowsLease(verb: string, name: string, node: string): boolean {
  if (verb === 'create') return name === '' || name === node;
  return name === node && (reads.includes(verb) || verb === 'update' || verb === 'patch');
}

async function admitCreate(user: User, definition: ResourceDefinition, object: ApiObject): Promise<void> {
  const node = nodeNameOf(user);
  if (node === undefined) return;
  await checkHostRequest(definition, object, user.name);
  const resource = qualifiedName(definition);
  if (resource === leases && object.metadata.name !== node) {
    throw forbiddenFor(definition, object.metadata.name ?? '', `a host may only create the lease named ${node}`);
  }
  if (resource === 'events') checkEvent(node, definition, object);
}

function admitUpdate(user: User, definition: ResourceDefinition, object: ApiObject, old: ApiObject | undefined): void {
  const node = nodeNameOf(user);
  if (node === undefined || qualifiedName(definition) !== 'events') return;
  checkEvent(node, definition, object);
  if (old !== undefined) checkEvent(node, definition, old);
}

function checkEvent(node: string, definition: ResourceDefinition, event: ApiObject): void {
  if (textAt(event, 'involvedObject', 'name') === node) return;
  throw forbiddenFor(
    definition,
    event.metadata.name ?? '',
    `a host may only report events about the objects named ${node}`,
  );
}
