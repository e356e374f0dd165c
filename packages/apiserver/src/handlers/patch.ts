// PATCH: JSON patch, merge patch, strategic merge patch for the kinds of Kubernetes itself, and server-side apply. The
// patch is applied inside the transaction, so it never races with another write.
import type { Answer, RequestContext } from '../context.ts';
import { parseJsonBody } from '../http/body.ts';
import { negotiate, parseMediaType } from '../http/negotiate.ts';
import { trackUpdate } from '../managed-fields/track.ts';
import { type ApiObject, isRecord, type JsonObject } from '../object.ts';
import { dedupeOwnerReferences } from '../owner-references.ts';
import { jsonPatch } from '../patch/json-patch.ts';
import { mergePatch } from '../patch/merge-patch.ts';
import { strategicMerge } from '../patch/strategic-merge.ts';
import { fieldProblems, pruned, reportFieldProblems, sentManagedFields, toApiObject } from '../prepare.ts';
import { parseWriteOptions } from '../query.ts';
import { answerObject } from '../represent.ts';
import type { ServedResource } from '../resources.ts';
import { badRequest, invalid, invalidOptions, methodNotAllowed, unsupportedMediaType } from '../status.ts';
import { strictPatchError } from '../update.ts';
import { type Access, checkSubresource, missing, requestedKey } from './access.ts';
import { applyConfiguration, applyType } from './apply.ts';
import { replace } from './update.ts';

const jsonPatchType = 'application/json-patch+json';
const mergePatchType = 'application/merge-patch+json';
const strategicMergeType = 'application/strategic-merge-patch+json';

/** Patch media types of a kind. */
export function patchTypes(resource: ServedResource): string[] {
  return [jsonPatchType, mergePatchType, ...(resource.definition.custom ? [] : [strategicMergeType]), applyType];
}

export async function patch(access: Access, context: RequestContext): Promise<Answer> {
  const { resource, info, query } = context;
  if (info.name === '') throw methodNotAllowed();
  checkSubresource(context);
  negotiate(context.accept, false);
  const key = requestedKey(context);
  const { type } = parseMediaType(context.contentType ?? '');
  if (!patchTypes(resource).includes(type)) throw unsupportedMediaType(patchTypes(resource));
  if (type === applyType) return applyConfiguration(access, context, key);
  if (query.has('force')) {
    const message = 'Forbidden: may not be specified for non-apply patch';
    throw invalidOptions('PatchOptions', { reason: 'FieldValueForbidden', field: 'force', message });
  }
  const options = parseWriteOptions(query, 'PatchOptions', context.userAgent);
  const body = parseJsonBody(context.body);
  const stored = await access.store.write((transaction) => {
    const old = transaction.get(key);
    if (old === undefined) throw missing(context);
    const result = applyPatch(type, old.object, body.value, resource);
    checkIdentity(result, old.object, resource);
    const { object, unknown } = pruned(result, resource);
    reportFieldProblems(fieldProblems(unknown, body.duplicates), options.fieldValidation, context.warnings, (text) =>
      strictPatchError(resource, info.name, text),
    );
    dedupeOwnerReferences(object, context.warnings);
    const sent = toApiObject(object, resource);
    const writer = { manager: options.manager, subresource: info.subresource, now: context.now };
    const managedFields = trackUpdate(old.object, sent, sentManagedFields(object), resource, writer);
    const change = { sent, managedFields, subresource: info.subresource };
    return replace(access, { transaction, key, old }, change, context, options.dryRun);
  });
  return answerObject(context, stored);
}

function applyPatch(type: string, old: JsonObject, value: unknown, resource: ServedResource): JsonObject {
  const result = patchedValue(type, old, value, resource);
  if (!isRecord(result) || !isRecord(result.metadata))
    throw badRequest('error decoding patch: its result is not an object with metadata');
  return result;
}

function patchedValue(type: string, old: JsonObject, value: unknown, resource: ServedResource): unknown {
  if (type === jsonPatchType) return jsonPatch(old, value);
  if (!isRecord(value)) throw badRequest('error decoding patch: the patch is not a JSON object');
  if (type === mergePatchType) return mergePatch(old, value);
  return strategicMerge(old, value, resource.wholeSchema);
}

function checkIdentity(result: JsonObject, old: ApiObject, resource: ServedResource): void {
  const { definition, apiVersion } = resource;
  const { name = '', uid = '' } = old.metadata;
  const wrong = (field: string, value: unknown, want: string) => {
    const message = `Invalid value: ${JSON.stringify(value ?? null)}: ${want}`;
    return invalid(String(result.kind ?? ''), definition.group, name, [
      { reason: 'FieldValueInvalid', field, message },
    ]);
  };
  if (result.kind !== definition.kind) throw wrong('kind', result.kind, `must be ${definition.kind}`);
  if (result.apiVersion !== apiVersion) throw wrong('apiVersion', result.apiVersion, `must be ${apiVersion}`);
  const meta = isRecord(result.metadata) ? result.metadata : {};
  if ((meta.uid ?? uid) !== uid) throw wrong('metadata.uid', meta.uid, 'field is immutable');
  if (meta.name !== name) {
    throw badRequest(
      `the name of the object (${String(meta.name ?? '')}) does not match the name on the URL (${name})`,
    );
  }
}
