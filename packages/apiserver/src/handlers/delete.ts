// DELETE: of one object, and of a collection.
import { valueAt } from '@varve/api';
import type { Answer, RequestContext } from '../context.ts';
import { parseOptionsBody } from '../http/body.ts';
import { negotiate } from '../http/negotiate.ts';
import { type ApiObject, encodeJson, type JsonObject } from '../object.ts';
import { notSupported, parseDryRun } from '../query.ts';
import { answerList, answerObject } from '../represent.ts';
import type { ServedResource } from '../resources.ts';
import { badRequest, conflict, forbiddenFor, invalidOptions, methodNotAllowed, type Status } from '../status.ts';
import { type ObjectKey, Stored } from '../store/change.ts';
import type { Transaction } from '../store/transaction.ts';
import { terminating } from '../strategies/namespace.ts';
import { timestamp } from '../time.ts';
import { type Access, keyOf, missing, requestedKey, subresourceVerb } from './access.ts';
import { selectItems } from './list.ts';

const protectedNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

interface DeleteOptions {
  readonly dryRun: boolean;
  readonly policy: 'Background' | 'Foreground' | 'Orphan';
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
}

export async function remove(access: Access, context: RequestContext): Promise<Answer> {
  const { resource, info } = context;
  if (info.subresource !== '') throw subresourceVerb(context, 'delete');
  const representation = negotiate(context.accept, false);
  const key = requestedKey(context);
  const options = parseDeleteOptions(context);
  const outcome = await access.store.write((transaction) => {
    const old = transaction.get(key);
    if (old === undefined) throw missing(context);
    checkPreconditions(old.object, options, resource, info.name);
    return removeOne(access, transaction, key, old, options, context);
  });
  if (outcome.waiting) return answerObject(context, outcome.stored);
  const status = success(resource, outcome.stored.object);
  return { code: 200, format: representation.format, body: [encodeJson(status)] };
}

function success({ definition }: ServedResource, { metadata }: ApiObject): Status {
  const details = {
    name: metadata.name ?? '',
    ...(definition.group === '' ? {} : { group: definition.group }),
    kind: definition.plural,
    uid: metadata.uid ?? '',
  };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}

export async function removeCollection(access: Access, context: RequestContext): Promise<Answer> {
  const { resource } = context;
  if (resource.namespaced && context.info.namespace === '') throw methodNotAllowed();
  const options = parseDeleteOptions(context);
  negotiate(context.accept, true);
  const removed = await access.store.write((transaction) => {
    const items: Stored[] = [];
    for (const item of selectItems(access, context)) {
      const { name = '', namespace = '' } = item.object.metadata;
      const key = keyOf(resource, namespace, name);
      const old = transaction.get(key);
      if (old !== undefined) items.push(removeOne(access, transaction, key, old, options, context).stored);
    }
    return items;
  });
  return answerList(context, removed, { resourceVersion: String(access.store.revision) });
}

function removeOne(
  access: Access,
  transaction: Transaction,
  key: ObjectKey,
  old: Stored,
  options: DeleteOptions,
  { resource, now, user }: RequestContext,
): { stored: Stored; waiting: boolean } {
  const isNamespace = resource.id === 'namespaces';
  if (isNamespace && protectedNamespaces.includes(key.name)) {
    throw forbiddenFor(resource.definition, key.name, 'this namespace may not be deleted');
  }
  const { metadata } = old.object;
  const waits = isNamespace || (metadata.finalizers ?? []).length > 0;
  if (waits && metadata.deletionTimestamp !== undefined) return { stored: old, waiting: true };
  access.admission.remove?.(user, resource.definition, old.object);
  const dying = waits ? marked(old.object, resource, now) : old.object;
  if (options.dryRun) return { stored: Stored.fromObject(dying), waiting: waits };
  if (options.policy === 'Orphan') access.owners.orphanDependents(transaction, old.object);
  if (options.policy === 'Foreground') access.owners.removeDependents(transaction, old.object, now);
  if (waits) return { stored: transaction.put(key, dying), waiting: true };
  return { stored: transaction.remove(key) ?? old, waiting: false };
}

/** The object with its deletion on record; it goes when its last finalizer is removed. */
export function marked(object: ApiObject, resource: ServedResource, now: Date): ApiObject {
  const time = timestamp(now);
  const { generation } = object.metadata;
  const grown = resource.definition.custom && generation !== undefined ? { generation: generation + 1 } : {};
  const metadata = { ...object.metadata, deletionTimestamp: time, deletionGracePeriodSeconds: 0, ...grown };
  const dying = { ...object, metadata };
  return resource.id === 'namespaces' ? terminating(dying, time) : dying;
}

function checkPreconditions(object: ApiObject, options: DeleteOptions, resource: ServedResource, name: string): void {
  const { uid = '', resourceVersion = '' } = object.metadata;
  // By its Kind, as upstream does here (apiserver pkg/registry/rest/delete.go).
  const named = { group: resource.definition.group, plural: resource.definition.kind };
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw conflict(named, name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw conflict(named, name, why);
  }
}

/** A body wins over the query. */
function parseDeleteOptions(context: RequestContext): DeleteOptions {
  const body = parseOptionsBody(context.contentType, context.body) ?? fromQuery(context.query);
  const dryRun = Array.isArray(body.dryRun) ? body.dryRun.map(String) : [];
  const uid = valueAt(body, 'preconditions', 'uid');
  const resourceVersion = valueAt(body, 'preconditions', 'resourceVersion');
  return {
    dryRun: parseDryRun(dryRun, 'DeleteOptions'),
    policy: parsePolicy(body),
    uid: typeof uid === 'string' ? uid : undefined,
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : undefined,
  };
}

function fromQuery(query: URLSearchParams): JsonObject {
  const policy = query.get('propagationPolicy');
  const orphan = query.get('orphanDependents');
  return {
    dryRun: query.getAll('dryRun'),
    ...(policy === null ? {} : { propagationPolicy: policy }),
    ...(orphan === null ? {} : { orphanDependents: orphan === 'true' || orphan === '1' }),
  };
}

function parsePolicy(body: JsonObject): DeleteOptions['policy'] {
  const { propagationPolicy: policy, orphanDependents: orphan } = body;
  if (policy !== undefined && policy !== null && orphan !== undefined && orphan !== null) {
    const message = `Invalid value: ${JSON.stringify(policy)}: orphanDependents and deletionPropagation cannot be both set`;
    throw invalidOptions('DeleteOptions', { reason: 'FieldValueInvalid', field: 'propagationPolicy', message });
  }
  if (orphan === true) return 'Orphan';
  if (policy === undefined || policy === null || policy === '') return 'Background';
  if (policy === 'Background' || policy === 'Foreground' || policy === 'Orphan') return policy;
  if (typeof policy !== 'string') throw badRequest('propagationPolicy is not text');
  throw invalidOptions(
    'DeleteOptions',
    notSupported('propagationPolicy', policy, ['Foreground', 'Background', 'Orphan', 'nil']),
  );
}
