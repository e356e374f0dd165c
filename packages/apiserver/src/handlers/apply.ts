// PATCH with a configuration: server-side apply, which also creates the object when there is none.
import type { Answer, RequestContext } from '../context.ts';
import { parseApplyBody } from '../http/body.ts';
import { isTrue } from '../http/request-info.ts';
import { type Application, apply } from '../managed-fields/apply.ts';
import { checkConfiguration } from '../managed-fields/check-configuration.ts';
import type { ApiObject, JsonObject } from '../object.ts';
import { fieldProblems, pruned, reportFieldProblems, toApiObject } from '../prepare.ts';
import { parseWriteOptions, type WriteOptions } from '../query.ts';
import { answerObject } from '../represent.ts';
import { badRequest, conflict, invalidOptions, modified } from '../status.ts';
import type { ObjectKey, Stored } from '../store/change.ts';
import type { Transaction } from '../store/transaction.ts';
import { type Access, missing } from './access.ts';
import { insert, mayCreate, placed, withManagers } from './create.ts';
import { replace } from './update.ts';

export const applyType = 'application/apply-patch+yaml';

export async function applyConfiguration(access: Access, context: RequestContext, key: ObjectKey): Promise<Answer> {
  const { resource, info, query } = context;
  const options = parseApplyOptions(context);
  const body = parseApplyBody(context.body);
  reportFieldProblems(fieldProblems([], body.duplicates), options.fieldValidation, context.warnings, (text) =>
    badRequest(`error strict decoding patch: ${text}`),
  );
  checkType(body.value, context);
  const config = resource.strategy.fold?.(body.value) ?? body.value;
  checkConfiguration(config, resource);
  const application: Application = {
    config,
    writer: { manager: options.manager, subresource: info.subresource, now: context.now },
    force: isTrue(query.get('force')),
  };
  const creates = info.subresource === '' && access.store.get(key) === undefined;
  if (creates) await admitCreate(access, context, config);
  let code = 200;
  const stored = await access.store.write((transaction) => {
    const old = transaction.get(key);
    if (old !== undefined) return applyTo(access, { transaction, key, old }, application, context, options);
    if (info.subresource !== '') throw missing(context);
    // It was there a moment ago; whether the user may create it was not asked.
    if (!creates) throw modified(resource.definition, info.name);
    code = 201;
    return createFrom(transaction, application, context, options);
  });
  return answerObject(context, stored, code);
}

function parseApplyOptions({ query, userAgent }: RequestContext): WriteOptions {
  const options = parseWriteOptions(query, 'PatchOptions', userAgent);
  if ((query.get('fieldManager') ?? '') !== '') return options;
  const message = 'Required value: is required for apply patch';
  throw invalidOptions('PatchOptions', { reason: 'FieldValueRequired', field: 'fieldManager', message });
}

function checkType(config: JsonObject, { resource }: RequestContext): void {
  const { apiVersion = '', kind = '' } = config;
  if (apiVersion === resource.apiVersion && kind === resource.definition.kind) return;
  const version = String(apiVersion).includes('/') ? String(apiVersion) : `/${String(apiVersion)}`;
  throw badRequest(`invalid object type: ${version}, Kind=${String(kind)}`);
}

async function admitCreate(access: Access, context: RequestContext, config: JsonObject): Promise<void> {
  await mayCreate(access, context);
  const { resource, user } = context;
  const { object } = pruned({ ...config, metadata: config.metadata ?? {} }, resource);
  await access.admission.create?.(user, resource.definition, placed(toApiObject(object, resource), context));
}

function applyTo(
  access: Access,
  target: { readonly transaction: Transaction; readonly key: ObjectKey; readonly old: Stored },
  application: Application,
  context: RequestContext,
  { dryRun }: WriteOptions,
): Stored {
  const { resource, info } = context;
  const { object, managedFields } = apply(target.old.object, application, resource);
  const sent = toApiObject(pruned(object, resource).object, resource);
  checkName(sent, context);
  return replace(access, target, { sent, managedFields, subresource: info.subresource }, context, dryRun);
}

function createFrom(
  transaction: Transaction,
  application: Application,
  context: RequestContext,
  { dryRun }: WriteOptions,
): Stored {
  const { resource, info } = context;
  const { object, managedFields } = apply(undefined, application, resource);
  const sent = toApiObject(pruned(object, resource).object, resource);
  checkName(sent, context);
  const { uid = '', resourceVersion = '' } = sent.metadata;
  if (uid !== '') {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(resource.definition, info.name, why);
  }
  if (resourceVersion !== '') throw modified(resource.definition, info.name);
  return insert(transaction, withManagers(placed(sent, context), managedFields), context, dryRun);
}

function checkName({ metadata }: ApiObject, { info }: RequestContext): void {
  const { name = '' } = metadata;
  if (name === info.name) return;
  throw badRequest(
    name === ''
      ? `the name of the object (${info.name} based on URL) was undeterminable: name must be provided`
      : `the name of the object (${name}) does not match the name on the URL (${info.name})`,
  );
}
