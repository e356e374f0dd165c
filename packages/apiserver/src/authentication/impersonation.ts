// `kubectl --as`: acting as another user (kubernetes.io "User impersonation"). Only those who may `impersonate` can.
import type { IncomingHttpHeaders } from 'node:http';
import type { Authorizer } from '../authorization/authorizer.ts';
import { badRequest, forbidden } from '../status.ts';
import { anonymous, authenticatedGroup, type User, unauthenticatedGroup } from '../user.ts';

/** The user to act as: the one that the headers name, or the caller. Throws 400 and 403. */
export async function impersonate(caller: User, headers: IncomingHttpHeaders, authorizer: Authorizer): Promise<User> {
  const name = single(headers['impersonate-user']);
  const groups = many(headers['impersonate-group']);
  const others = Object.keys(headers).filter(
    (header) => header.startsWith('impersonate-') && header !== 'impersonate-user',
  );
  if (name === '') {
    if (others.length > 0) throw badRequest('requested impersonation of groups or extra without impersonating a user');
    return caller;
  }
  await check(caller, authorizer, 'users', name);
  for (const group of groups) await check(caller, authorizer, 'groups', group);
  const uid = single(headers['impersonate-uid']);
  if (uid !== '') await check(caller, authorizer, 'uids', uid);
  const extra = extraOf(headers);
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values) await check(caller, authorizer, 'userextras', value, key);
  }
  const implied = name === anonymous.name ? unauthenticatedGroup : authenticatedGroup;
  return {
    name,
    groups: [...groups.filter((group) => group !== implied), implied],
    ...(uid === '' ? {} : { uid }),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** Keys are percent-encoded in the names of the headers, which know no case. */
function extraOf(headers: IncomingHttpHeaders): Record<string, string[]> {
  const prefix = 'impersonate-extra-';
  const found = Object.entries(headers).filter(([header]) => header.startsWith(prefix));
  return Object.fromEntries(found.map(([header, value]) => [decodedKey(header.slice(prefix.length)), many(value)]));
}

function decodedKey(text: string): string {
  try {
    return decodeURIComponent(text).toLowerCase();
  } catch {
    return text;
  }
}

async function check(
  caller: User,
  authorizer: Authorizer,
  resource: string,
  name: string,
  subresource = '',
): Promise<void> {
  const attributes = {
    kind: 'resource',
    verb: 'impersonate',
    group: resource === 'uids' || resource === 'userextras' ? 'authentication.k8s.io' : '',
    resource,
    subresource,
    namespace: '',
    name,
  } as const;
  const { allowed } = await authorizer.authorize(caller, attributes);
  if (allowed) return;
  throw forbidden(
    `${resource} "${name}" is forbidden: User "${caller.name}" cannot impersonate resource "${resource}" in API group "" at the cluster scope`,
    { name, kind: resource },
  );
}

function single(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

/** Node joins repeated headers with a comma. */
function many(value: string | string[] | undefined): string[] {
  const text = Array.isArray(value) ? value.join(',') : (value ?? '');
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
