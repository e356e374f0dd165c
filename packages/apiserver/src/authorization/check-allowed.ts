// Refuses what a request's user may not do, in the words that tools and people look for.
import type { RequestInfo } from '../http/request-info.ts';
import { requiredName } from '../selector/field.ts';
import { forbidden, forbiddenFor } from '../status.ts';
import type { Attributes, User } from '../user.ts';
import type { Authorizer } from './authorizer.ts';

/** Throws 403 unless the user may do what the request asks for. */
export async function checkAllowed(
  authorizer: Authorizer,
  user: User,
  info: RequestInfo,
  query: URLSearchParams,
): Promise<void> {
  const attributes = attributesOf(info, query);
  const { allowed, reason } = await authorizer.authorize(user, attributes);
  if (allowed) return;
  const suffix = reason === undefined || reason === '' ? '' : `: ${reason}`;
  if (attributes.kind === 'path') {
    throw forbidden(`forbidden: User "${user.name}" cannot ${attributes.verb} path "${attributes.path}"${suffix}`);
  }
  const { verb, group, resource, subresource, namespace } = attributes;
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const why = `User "${user.name}" cannot ${verb} resource "${what}" in API group "${group}" ${where}${suffix}`;
  throw forbiddenFor({ group, plural: resource }, attributes.name, why);
}

function attributesOf(info: RequestInfo, query: URLSearchParams): Attributes {
  if (info.kind === 'path') return { kind: 'path', verb: info.verb, path: info.path };
  const { verb, group, resource, subresource, namespace } = info;
  const name = info.name === '' ? requiredName(query.get('fieldSelector') ?? '') : info.name;
  return { kind: 'resource', verb, group, resource, subresource, namespace, name };
}
