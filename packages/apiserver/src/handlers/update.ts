// PUT: replace an object or one of its subresources.
import type { Answer, RequestContext } from '../context.ts';
import { parseObjectBody } from '../http/body.ts';
import { negotiate } from '../http/negotiate.ts';
import { type ApiObject, jsonEqual } from '../object.ts';
import { fieldProblems, identify, pruned, reportFieldProblems, toApiObject } from '../prepare.ts';
import { parseWriteOptions } from '../query.ts';
import { answerObject } from '../represent.ts';
import { badRequest, methodNotAllowed } from '../status.ts';
import { type ObjectKey, Stored } from '../store/change.ts';
import type { Transaction } from '../store/transaction.ts';
import { isFinished, updated } from '../update.ts';
import { type Access, checkSubresource, missing, requestedKey } from './access.ts';
import { insert } from './create.ts';

export async function update(access: Access, context: RequestContext): Promise<Answer> {
  const { resource, info } = context;
  if (info.name === '') throw methodNotAllowed();
  checkSubresource(context);
  negotiate(context.accept, false);
  const key = requestedKey(context);
  const options = parseWriteOptions(context.query, 'UpdateOptions');
  const body = parseObjectBody(context.contentType, context.body, resource.definition.custom);
  const { object, unknown } = pruned(identify(body.value, resource), resource);
  reportFieldProblems(fieldProblems(unknown, body.duplicates), options.fieldValidation, context.warnings, (text) =>
    badRequest(
      `${resource.definition.kind} in version "${resource.apiVersion}" cannot be handled as a ${resource.definition.kind}: strict decoding error: ${text}`,
    ),
  );
  const sent = toApiObject(object, resource);
  if ((sent.metadata.name ?? info.name) !== info.name) {
    throw badRequest(
      `the name of the object (${sent.metadata.name ?? ''}) does not match the name on the URL (${info.name})`,
    );
  }
  let code = 200;
  const stored = await access.store.write((transaction) => {
    const old = transaction.get(key);
    if (old !== undefined) return replace(access, transaction, key, old, sent, context, options.dryRun);
    if (!resource.strategy.createOnUpdate || info.subresource !== '') throw missing(context);
    code = 201;
    const { resourceVersion: _version, ...metadata } = sent.metadata;
    const namespaced = resource.namespaced ? { namespace: info.namespace } : {};
    const created = { ...sent, metadata: { ...metadata, name: info.name, ...namespaced } };
    access.admission.update?.(context.user, resource.definition, created, undefined);
    return insert(transaction, created, context, options.dryRun);
  });
  return answerObject(context, stored, code);
}

/** Stores what the update makes of `old`; a write without a change is none, and the last finalizer gone ends the object. */
export function replace(
  access: Access,
  transaction: Transaction,
  key: ObjectKey,
  old: Stored,
  sent: ApiObject,
  context: RequestContext,
  dryRun: boolean,
): Stored {
  const { resource, info } = context;
  const object = updated(sent, old.object, info.subresource, resource, context);
  access.admission.update?.(context.user, resource.definition, object, old.object);
  if (jsonEqual(object, old.object)) return old;
  if (dryRun) return Stored.fromObject(object);
  const finished = isFinished(object) && resource.id !== 'namespaces';
  return (finished ? transaction.remove(key, object) : undefined) ?? transaction.put(key, object);
}
