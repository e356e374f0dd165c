import type { Area, Observation } from '../behaviour.ts';
import type { ApiClient, CallOptions } from '../client.ts';

const resource = { verb: 'delete', resource: 'nodes' };

export const reviews: Area = {
  name: 'reviews',
  behaviours: [
    { name: 'who I am', run: ({ api }) => ask(api, 'SelfSubjectReview') },
    {
      name: 'who a user of groups is',
      run: async ({ as }) => ask(await as('bob', 'team-a', 'team-b'), 'SelfSubjectReview'),
    },
    {
      name: 'who I am as another',
      run: ({ api }) =>
        ask(api, 'SelfSubjectReview', undefined, {
          headers: {
            'impersonate-user': 'carol',
            'impersonate-group': 'team-c',
            'impersonate-uid': 'u1',
            'impersonate-extra-example.com%2fwhy': 'test',
          },
        }),
    },
    {
      name: 'whether I may',
      run: ({ api }) => ask(api, 'SelfSubjectAccessReview', { resourceAttributes: resource }),
    },
    {
      name: 'whether I may, and may not',
      run: async ({ as }) => ask(await as('bob'), 'SelfSubjectAccessReview', { resourceAttributes: resource }),
    },
    {
      name: 'whether I may, at a path',
      run: ({ api }) =>
        ask(api, 'SelfSubjectAccessReview', { nonResourceAttributes: { verb: 'get', path: '/metrics' } }),
    },
    { name: 'whether I may do nothing', run: ({ api }) => ask(api, 'SelfSubjectAccessReview', {}) },
    {
      name: 'whether I may do two things',
      run: ({ api }) =>
        ask(api, 'SelfSubjectAccessReview', {
          resourceAttributes: resource,
          nonResourceAttributes: { verb: 'get', path: '/' },
        }),
    },
    {
      name: 'whether another may',
      run: ({ api }) =>
        ask(api, 'SubjectAccessReview', { user: 'bob', groups: ['system:masters'], resourceAttributes: resource }),
    },
    {
      name: 'whether another may in a namespace',
      run: ({ api, namespace }) => {
        const resourceAttributes = { verb: 'get', resource: 'secrets', namespace };
        return ask(
          api,
          'LocalSubjectAccessReview',
          { user: 'bob', resourceAttributes },
          {},
          `namespaces/${namespace}/`,
        );
      },
    },
    {
      name: 'whether nobody may',
      run: ({ api }) => ask(api, 'SubjectAccessReview', { resourceAttributes: resource }),
    },
    {
      name: 'all that I may',
      run: async ({ api }) => shapeOfRules(await ask(api, 'SelfSubjectRulesReview', { namespace: 'default' })),
    },
    { name: 'all that I may, nowhere', run: ({ api }) => ask(api, 'SelfSubjectRulesReview', {}) },
    { name: 'a token that is none', run: ({ api }) => ask(api, 'TokenReview', { token: 'wrong' }) },
    { name: 'no token', run: ({ api }) => ask(api, 'TokenReview', {}) },
    { name: 'they are not kept', run: ({ api }) => api.get('/apis/authentication.k8s.io/v1/tokenreviews') },
  ],
};

interface Review {
  readonly code: number;
  readonly body: unknown;
}

/** Without metadata: reviews are not stored, so that it says nothing of anything. */
async function ask(
  api: ApiClient,
  kind: string,
  spec?: object,
  options: CallOptions = {},
  below = '',
): Promise<Observation & Review> {
  const group = kind.startsWith('Token') || kind === 'SelfSubjectReview' ? 'authentication' : 'authorization';
  const apiVersion = `${group}.k8s.io/v1`;
  const answer = await api.post(
    `/apis/${apiVersion}/${below}${kind.toLowerCase()}s`,
    { apiVersion, kind, spec },
    options,
  );
  return { ...answer, body: { ...Object(answer.body), metadata: undefined } };
}

/** Which rules there are is each server's own. */
function shapeOfRules({ code, body }: Review) {
  const status = typeof body === 'object' && body !== null && 'status' in body ? Object(body.status) : {};
  return {
    code,
    everything: JSON.stringify(status.resourceRules).includes('{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}'),
    incomplete: status.incomplete,
    paths: Array.isArray(status.nonResourceRules),
  };
}
