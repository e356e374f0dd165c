// PUT: replace an object or one of its subresources.
import type { Answer, RequestContext } from '../context.ts';
import { parseObjectBody } from '../http/body.ts';
import { negotiate } from '../http/negotiate.ts';
import { trackUpdate } from '../managed-fields/track.ts';
import type { ApiObject } from '../object.ts';
import { dedupeOwnerReferences } from '../owner-references.ts';
import { decode, sentManagedFields, toApiObject } from '../prepare.ts';
import { parseWriteOptions } from '../query.ts';
import { answerObject } from '../represent.ts';
import { finalizerWarnings } from '../schema/metadata.ts';
import { badRequest, methodNotAllowed, modified } from '../status.ts';
import { type ObjectKey, Stored } from '../store/change.ts';
import type { Transaction } from '../store/transaction.ts';
import { type Change, isFinished, isUnchanged, updated } from '../update.ts';
import { type Access, checkSubresource, missing, requestedKey } from './access.ts';
import { insert, mayCreate, withinLimit, withManagers } from './create.ts';

export async function update(access: Access, context: RequestContext): Promise<Answer> {
  const { resource, info } = context;
  if (info.name === '') throw methodNotAllowed();
  checkSubresource(context);
  negotiate(context.accept, false);
  const key = requestedKey(context);
  const options = parseWriteOptions(context.query, 'UpdateOptions', context.userAgent);
  const body = parseObjectBody(context.contentType, context.body, resource.definition.custom);
  const object = decode(body, resource, options.fieldValidation, context.warnings);
  dedupeOwnerReferences(object, context.warnings);
  const sent = toApiObject(object, resource);
  if ((sent.metadata.name ?? info.name) !== info.name) {
    throw badRequest(
      `the name of the object (${sent.metadata.name ?? ''}) does not match the name on the URL (${info.name})`,
    );
  }
  const sentManagers = sentManagedFields(object);
  const writer = { manager: options.manager, subresource: info.subresource, now: context.now };
  const creates = resource.strategy.createOnUpdate && info.subresource === '' && access.store.get(key) === undefined;
  if (creates) await mayCreate(access, context);
  let code = 200;
  const stored = await access.store.write((transaction) => {
    const old = transaction.get(key);
    if (old !== undefined) {
      const managedFields = trackUpdate(old.object, sent, sentManagers, resource, writer);
      const change = { sent, managedFields, subresource: info.subresource };
      return replace(access, { transaction, key, old }, change, context, options.dryRun);
    }
    if (!resource.strategy.createOnUpdate || info.subresource !== '') throw missing(context);
    // It was there a moment ago; whether the user may create it was not asked.
    if (!creates) throw modified(resource.definition, info.name);
    code = 201;
    const created = named(sent, context);
    const managedFields = trackUpdate(undefined, created, sentManagers, resource, writer);
    access.admission.update?.(context.user, resource.definition, created, undefined);
    return insert(transaction, withManagers(created, managedFields), context, options.dryRun);
  });
  return answerObject(context, stored, code);
}

/** A new object of the URL's name; a resourceVersion that was sent for it says nothing. */
function named(sent: ApiObject, { resource, info }: RequestContext): ApiObject {
  const { resourceVersion: _version, ...metadata } = sent.metadata;
  const namespaced = resource.namespaced ? { namespace: info.namespace } : {};
  return { ...sent, metadata: { ...metadata, name: info.name, ...namespaced } };
}

export interface Target {
  readonly transaction: Transaction;
  readonly key: ObjectKey;
  readonly old: Stored;
}

/** Stores what the update makes of `old`; a write without a change is none, and the last finalizer gone ends the object. */
export function replace(
  access: Access,
  { transaction, key, old }: Target,
  change: Change,
  context: RequestContext,
  dryRun: boolean,
): Stored {
  const { resource } = context;
  const object = updated(change, old.object, resource, context);
  access.admission.update?.(context.user, resource.definition, object, old.object);
  if (isUnchanged(object, old.object)) return old;
  context.warnings.push(...finalizerWarnings(object.metadata.finalizers ?? [], old.object.metadata.finalizers ?? []));
  if (dryRun) return Stored.fromObject(object);
  const finished = isFinished(object) && resource.id !== 'namespaces';
  return (finished ? transaction.remove(key, object) : undefined) ?? withinLimit(transaction.put(key, object));
}
