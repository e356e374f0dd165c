// CertificateSigningRequest: the server writes who asked; the request cannot change; approval and status are
// separate doors (kubernetes/pkg/registry/certificates/certificates/strategy.go).
import { listAt, textAt } from '@varve/api';
import { type ApiObject, isRecord, type JsonObject, jsonEqual } from '../object.ts';
import { timestamp } from '../time.ts';
import { coreStrategy, type Strategy, type WriteContext } from './strategy.ts';

export const certificateSigningRequestStrategy: Strategy = {
  ...coreStrategy,
  prepareCreate: (object, { user }) => ({ ...object, spec: requestedBy(object.spec, user) }),
  prepareUpdate: (object, old) => ({ ...object, spec: old.spec }),
  subresources: { approval: { verbs: ['get', 'patch', 'update'], write: approval } },
};

function requestedBy(spec: unknown, user: WriteContext['user']): JsonObject | undefined {
  if (!isRecord(spec)) return undefined;
  const { uid: _uid, extra: _extra, ...request } = spec;
  return {
    ...request,
    username: user.name,
    groups: user.groups,
    ...(user.uid === undefined ? {} : { uid: user.uid }),
    ...(user.extra === undefined ? {} : { extra: user.extra }),
  };
}

/** Takes over conditions only and dates those that are new or changed. */
function approval(object: ApiObject, old: ApiObject, { now }: WriteContext): ApiObject {
  const time = timestamp(now);
  const before = listAt(old, 'status', 'conditions');
  const conditions = listAt(object, 'status', 'conditions').map((condition) => {
    if (!isRecord(condition)) return condition;
    const same = before.find((other) => textAt(other, 'type') === condition.type);
    if (same !== undefined && jsonEqual(same, condition)) return condition;
    return { ...condition, lastUpdateTime: time, lastTransitionTime: time };
  });
  const status = isRecord(old.status) ? old.status : {};
  return { ...old, status: { ...status, conditions } };
}
