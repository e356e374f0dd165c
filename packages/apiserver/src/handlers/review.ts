// Reviews: questions that are answered and not stored (kubernetes.io "Authorization", `kubectl auth`).
import { textAt, valueAt } from '@varve/api';
import { authenticateToken, type TokenAuthenticator } from '../authentication/authenticate.ts';
import type { Authorizer } from '../authorization/authorizer.ts';
import { parseObjectBody } from '../http/body.ts';
import { isRecord, type JsonObject } from '../object.ts';
import { badRequest, invalid, type StatusCause } from '../status.ts';
import type { Attributes, Rules, User } from '../user.ts';

export interface Review {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const authentication = { group: 'authentication.k8s.io', version: 'v1', namespaced: false };
const authorization = { group: 'authorization.k8s.io', version: 'v1', namespaced: false };

export const reviews: readonly Review[] = [
  { ...authentication, plural: 'selfsubjectreviews', kind: 'SelfSubjectReview' },
  { ...authentication, plural: 'tokenreviews', kind: 'TokenReview' },
  { ...authorization, plural: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview' },
  { ...authorization, plural: 'selfsubjectrulesreviews', kind: 'SelfSubjectRulesReview' },
  { ...authorization, plural: 'subjectaccessreviews', kind: 'SubjectAccessReview' },
  { ...authorization, plural: 'localsubjectaccessreviews', kind: 'LocalSubjectAccessReview', namespaced: true },
];

export interface ReviewRequest {
  readonly review: Review;
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
  readonly user: User;
  readonly namespace: string;
}

export interface ReviewAccess {
  readonly authorizer: Authorizer;
  readonly authenticateToken: TokenAuthenticator | undefined;
}

/** The review with its status. */
export async function answerReview(access: ReviewAccess, request: ReviewRequest): Promise<JsonObject> {
  const { review } = request;
  const { value } = parseObjectBody(request.contentType, request.body, false);
  const apiVersion = `${review.group}/${review.version}`;
  if ((value.kind ?? review.kind) !== review.kind || (value.apiVersion ?? apiVersion) !== apiVersion) {
    throw badRequest(`this resource takes a ${review.kind} of ${apiVersion}`);
  }
  const spec = isRecord(value.spec) ? value.spec : {};
  const status = await statusOf(access, request, spec);
  const shownSpec = review.kind === 'SelfSubjectReview' ? {} : { spec };
  return { kind: review.kind, apiVersion, metadata: { creationTimestamp: null }, ...shownSpec, status };
}

async function statusOf(access: ReviewAccess, request: ReviewRequest, spec: JsonObject): Promise<JsonObject> {
  switch (request.review.kind) {
    case 'SelfSubjectReview':
      return { userInfo: userInfo(request.user) };
    case 'TokenReview':
      return reviewToken(access, spec);
    case 'SelfSubjectRulesReview':
      return reviewRules(access, request.user, spec);
    case 'SelfSubjectAccessReview':
      return reviewAccess(access, request, request.user, spec);
    default:
      return reviewAccess(access, request, subjectOf(request.review, spec), spec);
  }
}

function userInfo({ name, uid, groups, extra }: User): JsonObject {
  return { username: name, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) };
}

async function reviewToken({ authenticateToken: tokens }: ReviewAccess, spec: JsonObject): Promise<JsonObject> {
  const { token } = spec;
  if (typeof token !== 'string' || token === '')
    throw badRequest('token is required for TokenReview in authentication');
  const user = await authenticateToken(token, tokens);
  if (user === undefined) return { user: {}, error: 'invalid bearer token' };
  return { authenticated: true, user: userInfo(user) };
}

function reviewRules({ authorizer }: ReviewAccess, user: User, spec: JsonObject): JsonObject {
  const namespace = textAt(spec, 'namespace');
  if (namespace === '') throw badRequest('no namespace on request');
  const rules: Rules = authorizer.rules(user, namespace);
  return { ...rules };
}

async function reviewAccess(
  { authorizer }: ReviewAccess,
  { review, namespace }: ReviewRequest,
  user: User,
  spec: JsonObject,
): Promise<JsonObject> {
  const attributes = attributesOf(review, spec);
  if (review.namespaced && attributes.kind === 'resource' && attributes.namespace !== namespace) {
    const message = `Invalid value: ${JSON.stringify(attributes.namespace)}: must match metadata.namespace`;
    throw reviewInvalid(review, { reason: 'FieldValueInvalid', field: 'spec.resourceAttributes.namespace', message });
  }
  const { allowed, reason } = await authorizer.authorize(user, attributes);
  return { allowed, ...(reason === undefined ? {} : { reason }) };
}

function subjectOf(review: Review, spec: JsonObject): User {
  const name = textAt(spec, 'user');
  const groups = Array.isArray(spec.groups) ? spec.groups.filter((group) => typeof group === 'string') : [];
  if (name !== '' || groups.length > 0) return { name, groups };
  const message = 'Invalid value: "": at least one of user or group must be specified';
  throw reviewInvalid(review, { reason: 'FieldValueInvalid', field: 'spec.user', message });
}

function attributesOf(review: Review, spec: JsonObject): Attributes {
  const resource = valueAt(spec, 'resourceAttributes');
  const path = valueAt(spec, 'nonResourceAttributes');
  if (isRecord(resource) && isRecord(path)) {
    const shown = JSON.stringify({ Path: textAt(path, 'path'), Verb: textAt(path, 'verb') });
    const message = `Invalid value: ${shown}: cannot be specified in combination with resourceAttributes`;
    throw reviewInvalid(review, { reason: 'FieldValueInvalid', field: 'spec.nonResourceAttributes', message });
  }
  if (!isRecord(resource) && !isRecord(path)) {
    const message = 'Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified';
    throw reviewInvalid(review, { reason: 'FieldValueInvalid', field: 'spec.resourceAttributes', message });
  }
  if (isRecord(path)) return { kind: 'path', verb: textAt(path, 'verb'), path: textAt(path, 'path') };
  return {
    kind: 'resource',
    verb: textAt(resource, 'verb'),
    group: textAt(resource, 'group'),
    resource: textAt(resource, 'resource'),
    subresource: textAt(resource, 'subresource'),
    namespace: textAt(resource, 'namespace'),
    name: textAt(resource, 'name'),
  };
}

/** Without the kind, as upstream says it (kubernetes/pkg/registry/authorization). */
function reviewInvalid({ group }: Review, cause: StatusCause) {
  return invalid('', group, '', [cause]);
}
