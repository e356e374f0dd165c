// POST: create an object.
import { randomInt, randomUUID } from 'node:crypto';
import type { ManagedFieldsEntry } from '@varve/api';
import { checkAllowed } from '../authorization/check-allowed.ts';
import type { Answer, RequestContext } from '../context.ts';
import { bodyLimit, parseObjectBody } from '../http/body.ts';
import { negotiate } from '../http/negotiate.ts';
import { trackUpdate } from '../managed-fields/track.ts';
import type { ApiObject } from '../object.ts';
import { dedupeOwnerReferences } from '../owner-references.ts';
import { complete, decode, sentManagedFields, toApiObject } from '../prepare.ts';
import { parseWriteOptions } from '../query.ts';
import { answerObject } from '../represent.ts';
import type { ServedResource } from '../resources.ts';
import { finalizerWarnings } from '../schema/metadata.ts';
import { alreadyExists, badRequest, forbiddenFor, invalid, methodNotAllowed, notFound, tooLarge } from '../status.ts';
import { Stored } from '../store/change.ts';
import type { Transaction } from '../store/transaction.ts';
import type { WriteContext } from '../strategies/strategy.ts';
import { timestamp } from '../time.ts';
import { type Access, keyOf, subresourceVerb } from './access.ts';

/** Characters of generated names: no vowels, so that no words come out (apimachinery pkg/util/rand). */
const suffixCharacters = 'bcdfghjklmnpqrstvwxz2456789';
const suffixLength = 5;
const maxGeneratedPrefix = 58;
const maxNameAttempts = 8;

export async function create(access: Access, context: RequestContext): Promise<Answer> {
  const { resource, info, query } = context;
  if (info.subresource !== '') throw subresourceVerb(context, 'create');
  if (info.name !== '' || (resource.namespaced && info.namespace === '')) throw methodNotAllowed();
  negotiate(context.accept, false);
  const options = parseWriteOptions(query, 'CreateOptions', context.userAgent);
  const body = parseObjectBody(context.contentType, context.body, resource.definition.custom);
  const object = decode(body, resource, options.fieldValidation, context.warnings);
  dedupeOwnerReferences(object, context.warnings);
  const sent = toApiObject(object, resource);
  const writer = { manager: options.manager, subresource: '', now: context.now };
  const located = placed(sent, context);
  const draft = withManagers(located, trackUpdate(undefined, located, sentManagedFields(object), resource, writer));
  await access.admission.create?.(context.user, resource.definition, draft);
  const stored = await access.store.write((transaction) => insert(transaction, draft, context, options.dryRun));
  return answerObject(context, stored, 201);
}

/** The object in the namespace of the URL. Throws 400 when it names another. */
export function placed(sent: ApiObject, { resource, info }: RequestContext): ApiObject {
  const { namespace = '', ...metadata } = sent.metadata;
  if (!resource.namespaced) return { ...sent, metadata };
  if (namespace !== '' && namespace !== info.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  return { ...sent, metadata: { ...metadata, namespace: info.namespace } };
}

export function withManagers(object: ApiObject, managedFields: ManagedFieldsEntry[] | undefined): ApiObject {
  return managedFields === undefined ? object : { ...object, metadata: { ...object.metadata, managedFields } };
}

/** Writes that create what they did not find need the right to create, too. Throws 403. */
export function mayCreate(access: Access, { user, info, query }: RequestContext): Promise<void> {
  return checkAllowed(access.authorizer, user, { ...info, verb: 'create' }, query);
}

/**
 * Many small patches could make an object that no client could send or read at once. Called inside the transaction,
 * which takes the write back. Throws 413.
 */
export function withinLimit(stored: Stored): Stored {
  if (stored.bytes.length > bodyLimit) throw tooLarge(bodyLimit);
  return stored;
}

/** Creates the object in the transaction; also used by the kinds that a PUT may create. */
export function insert(
  transaction: Transaction,
  sent: ApiObject,
  context: Pick<RequestContext, 'resource' | 'user' | 'now' | 'warnings'>,
  dryRun: boolean,
): Stored {
  const { resource } = context;
  const { resourceVersion = '' } = sent.metadata;
  if (resourceVersion !== '' && resourceVersion !== '0') {
    throw badRequest('resourceVersion should not be set on objects to be created');
  }
  checkNamespace(transaction, sent, resource);
  const named = withName(transaction, sent, resource);
  const object = complete(born(named, resource, context), undefined, resource);
  const { name = '', namespace = '' } = object.metadata;
  const key = keyOf(resource, namespace, name);
  const existing = transaction.get(key);
  if (existing !== undefined) {
    throw alreadyExists(resource.definition, name, existing.object.metadata.deletionTimestamp !== undefined);
  }
  context.warnings.push(...finalizerWarnings(object.metadata.finalizers ?? [], []));
  if (!dryRun) return withinLimit(transaction.put(key, object));
  delete object.metadata.resourceVersion;
  return Stored.fromObject(object);
}

function checkNamespace(transaction: Transaction, sent: ApiObject, resource: ServedResource): void {
  if (!resource.namespaced) return;
  const { namespace = '', name = '' } = sent.metadata;
  const found = transaction.get({ resource: 'namespaces', namespace: '', name: namespace });
  if (found === undefined) throw notFound({ group: '', plural: 'namespaces' }, namespace);
  if (found.object.metadata.deletionTimestamp === undefined) return;
  const message = `namespace ${namespace} is being terminated`;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  throw forbiddenFor(resource.definition, name, why, [
    { reason: 'NamespaceTerminating', message, field: 'metadata.namespace' },
  ]);
}

function withName(transaction: Transaction, sent: ApiObject, resource: ServedResource): ApiObject {
  const { name = '', generateName = '', namespace = '' } = sent.metadata;
  if (name !== '') return sent;
  if (generateName === '') {
    const message = 'Required value: name or generateName is required';
    const cause = { reason: 'FieldValueRequired', field: 'metadata.name', message };
    throw invalid(resource.definition.kind, resource.definition.group, '', [cause]);
  }
  for (let attempt = 0; attempt < maxNameAttempts; attempt++) {
    const generated = generateName.slice(0, maxGeneratedPrefix) + suffix();
    if (transaction.get(keyOf(resource, namespace, generated)) === undefined) {
      return { ...sent, metadata: { ...sent.metadata, name: generated } };
    }
  }
  throw alreadyExists(resource.definition, generateName, false);
}

function suffix(): string {
  let text = '';
  for (let index = 0; index < suffixLength; index++) text += suffixCharacters[randomInt(suffixCharacters.length)] ?? '';
  return text;
}

/** The object with the metadata that the server gives it; a status is dropped unless the kind keeps it. */
function born(sent: ApiObject, resource: ServedResource, { user, now }: WriteContext): ApiObject {
  const { definition, strategy } = resource;
  const {
    resourceVersion: _v,
    deletionTimestamp: _d,
    deletionGracePeriodSeconds: _g,
    generation: _n,
    ...metadata
  } = sent.metadata;
  const object: ApiObject = {
    ...sent,
    metadata: {
      ...metadata,
      uid: randomUUID(),
      creationTimestamp: timestamp(now),
      ...(definition.custom ? { generation: 1 } : {}),
    },
  };
  if (definition.statusSubresource && !strategy.keepsStatusOnCreate) delete object.status;
  return strategy.prepareCreate?.(object, { user, now }) ?? object;
}
